/**
 * Refusals before a token was recognised, counted per second, network and reason with one sample:
 * a flood of them must not fill the disk.
 */

import type { UnrecognisedEvent } from './audit-log.ts'
import { networkOf } from './network.ts'

export interface Count {
  /** Beginning of the second, epoch milliseconds. */
  readonly at: number
  readonly reason: string
  readonly network: string
  readonly count: number
  /** The first of them. */
  readonly sample: UnrecognisedEvent
}

export interface Counter {
  add(event: UnrecognisedEvent): void
  /** All that was counted since the last call. */
  drain(): readonly Count[]
}

/** Distinct networks and reasons of one second; what comes after them is counted together. */
const KEYS_PER_SECOND = 100

export function createCounter(): Counter {
  let seconds = new Map<number, Map<string, Tally>>()
  return {
    add(event) {
      const at = Math.floor(event.at / 1000) * 1000
      const tallies = seconds.get(at) ?? new Map<string, Tally>()
      seconds.set(at, tallies)
      tallyOf(tallies, event).count++
    },
    drain() {
      const drained = [...seconds].flatMap(([at, tallies]) =>
        [...tallies.values()].map((tally) => ({ at, ...tally })),
      )
      seconds = new Map()
      return drained
    },
  }
}

type Tally = { -readonly [member in keyof Omit<Count, 'at'>]: Count[member] }

function tallyOf(tallies: Map<string, Tally>, event: UnrecognisedEvent): Tally {
  const own = { reason: event.reason, network: networkOf(event.source) }
  const isFull = tallies.size >= KEYS_PER_SECOND - 1
  const label = `${own.reason} ${own.network}`
  const known = tallies.get(label)
  if (known) return known
  const { reason, network } = isFull ? { reason: 'several', network: 'several' } : own
  const key = isFull ? 'several' : label
  const tally = tallies.get(key) ?? { reason, network, count: 0, sample: event }
  tallies.set(key, tally)
  return tally
}
