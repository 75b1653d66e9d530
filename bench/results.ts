/** What a run found: figures of each round, brought down to a median and a spread. */

import type { Transport } from './bed.ts'
import { median } from './percentile.ts'
import type { Figures } from './scenarios.ts'
import type { Machine } from './machine.ts'

export interface Sample {
  readonly scenario: string
  readonly transport: Transport
  readonly subject: string
  readonly figures: Figures
}

export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface Row {
  readonly scenario: string
  readonly transport: Transport
  readonly subject: string
  readonly figures: Readonly<Record<string, Spread>>
}

export interface Results {
  readonly machine: Machine
  readonly rounds: number
  readonly seconds: number
  readonly rows: readonly Row[]
  /** Share of all cores that others used between the measurements, 0 to 1. */
  readonly otherLoad: number
  /** What gave no figures, in words. */
  readonly failures: readonly string[]
}

/** One row for each scenario, transport and subject, in the order of their first samples. */
export function summarise(samples: readonly Sample[]): readonly Row[] {
  const groups = Map.groupBy(samples, ({ scenario, transport, subject }) =>
    [scenario, transport, subject].join(),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    const figures = Object.keys(first.figures).map((name) => {
      const values = group.map((sample) => sample.figures[name] ?? Number.NaN)
      return [name, spreadOf(values)] as const
    })
    return [{ ...first, figures: Object.fromEntries(figures) }]
  })
}

function spreadOf(values: readonly number[]): Spread {
  const rounded = (value: number) => Number(value.toPrecision(6))
  return {
    median: rounded(median(values)),
    low: rounded(Math.min(...values)),
    high: rounded(Math.max(...values)),
  }
}

export function findRow(
  { rows }: Results,
  wanted: Pick<Row, 'scenario' | 'transport' | 'subject'>,
): Row | undefined {
  return rows.find(
    ({ scenario, transport, subject }) =>
      scenario === wanted.scenario && transport === wanted.transport && subject === wanted.subject,
  )
}
