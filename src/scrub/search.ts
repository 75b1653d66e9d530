/** Where in some bytes a secret stands, and where one may have begun whose rest is still to come. */

import { decodeEscapes, STARTS, unitAt, type Unit } from './escapes.ts'
import { findNeedles, pairOf, tailFrom, type Found } from './needle-set.ts'
import type { Needles } from './needles.ts'

export interface Findings {
  /** They may overlap, and come in no order. */
  readonly found: readonly Found[]
  /** Everything before this place is free to go; the length of the data when nothing is held. */
  readonly heldFrom: number
}

/** `isEnd`: nothing comes after the data, so that what looks like half an escape is none. */
export function search(data: Buffer, needles: Needles, isEnd = false): Findings {
  const found = findNeedles(data, needles.fixed, isEnd)
  const escaped = findEscaped(data, needles, isEnd)
  const heldFrom = Math.min(tailFrom(data, needles.fixed), escaped?.heldFrom ?? data.length)
  if (!escaped || escaped.found.length === 0) return { found, heldFrom }
  return { found: [...found, ...escaped.found], heldFrom }
}

/**
 * From the first escape on that may belong to a secret, the text is read as what its escapes stand for; the
 * work grows with the text, whatever stands in it. Undefined where there is none: nearly always.
 */
function findEscaped(data: Buffer, needles: Needles, isEnd: boolean): Findings | undefined {
  const first = firstEscape(data, needles, isEnd)
  if (first === undefined) return undefined
  const { escapable, has } = needles
  const from = Math.max(0, first - escapable.longest)
  const { bytes, places, partialAt } = decodeEscapes(data, { from, isEnd, has })
  const placeOf = (at: number): number => places[at] ?? data.length
  const found = findNeedles(bytes, escapable, isEnd)
    .map((one) => ({ ...one, start: placeOf(one.start), end: placeOf(one.end), was: one }))
    // What has no escape in it was found as it stands.
    .filter(({ start, end, was }) => end - start > was.end - was.start)
  return {
    found,
    heldFrom: Math.min(placeOf(tailFrom(bytes, escapable)), partialAt ?? data.length),
  }
}

/** The first one that may matter; `undefined` when none does. */
function firstEscape(data: Buffer, needles: Needles, isEnd: boolean): number | undefined {
  let first = data.length
  for (const [start, behind] of needles.behind)
    for (let at = data.indexOf(start); at >= 0 && at < first; at = data.indexOf(start, at + 1)) {
      const next = data[at + 1]
      if (next !== undefined && behind[next] === 0) continue
      const unit = unitAt(data, at)
      if (isOne(unit, isEnd) && mayMatter({ data, at, unit }, needles)) first = at
    }
  return first < data.length ? first : undefined
}

const isOne = (unit: Unit, isEnd: boolean): unit is NonNullable<Unit> =>
  unit !== undefined && !(isEnd && unit === 'partial')

interface Escape {
  readonly data: Buffer
  readonly at: number
  readonly unit: NonNullable<Unit>
}

/** Whether an escape's byte stands anywhere in a needle behind what is in front of it here, or begins one. */
function mayMatter({ data, at, unit }: Escape, { has, hasFirst, hasPair }: Needles): boolean {
  if (unit === 'partial') return true
  if (has[unit.byte] !== 1) return false
  if (at > 0 && hasPair[pairOf(data[at - 1] ?? 0, unit.byte)] === 1) return true
  if (hasFirst[unit.byte] !== 1) return false
  const next = data[at + unit.length]
  return next === undefined || STARTS.includes(next) || hasPair[pairOf(unit.byte, next)] === 1
}
