/**
 * What is known of one subject: an agent, an operator, a network that holds no token. Plain data,
 * so that it can be kept as JSON; each part is bounded, whatever the subject does.
 */

import { noPeaks, type Peaks } from './peaks.ts'
import type { Told } from './told.ts'
import { noSlot, type Mark, type Slot } from './windows.ts'

const VERSION = 1

const HOUR_MS = 60 * 60 * 1000
const HOURS_OF_WEEK = 168

/** How many different ones are remembered; a subject with more of them is not surprising any more. */
export const LIMITS = {
  operations: 512,
  networks: 16,
  userAgents: 32,
  pairs: 64,
  tokens: 16,
} as const

export interface Baseline {
  readonly version: typeof VERSION
  /** Epoch ms of the first record. */
  firstAt: number
  /** Requests that were let in. */
  requests: number
  readonly operations: string[]
  readonly networks: string[]
  readonly userAgents: string[]
  /** Networks that used one token side by side: `a b`. */
  readonly pairs: string[]
  /** Days on which it worked, for each hour of the week from Monday on (UTC). */
  readonly hours: number[]
  /** The hour that was counted last, in hours since 1970. */
  hour: number
  readonly minute: Slot
  readonly perMinute: Peaks
  readonly refused: Slot
  readonly refusedPerSlot: Peaks
  readonly issued: Slot
  readonly issuedPerHour: Peaks
  readonly requestBytes: Peaks
  readonly responseBytes: Peaks
  /** What was refused of late. */
  readonly probes: Mark[]
  /** Uses of dead tokens of late, one entry each. */
  readonly dead: Mark[]
  /** Networks by token, of late. */
  readonly places: [token: string, marks: Mark[]][]
  /** What was new to it and has been told of: another token that does the same is told of as well. */
  readonly news: Mark[]
  /** What was told of late, the oldest first. */
  readonly told: Told[]
}

export function newBaseline(firstAt: number): Baseline {
  return {
    ...{ version: VERSION, firstAt, requests: 0 },
    ...{ operations: [], networks: [], userAgents: [], pairs: [] },
    ...{ hours: Array<number>(HOURS_OF_WEEK).fill(0), hour: 0 },
    ...{ minute: noSlot(), perMinute: noPeaks(), refused: noSlot(), refusedPerSlot: noPeaks() },
    ...{ issued: noSlot(), issuedPerHour: noPeaks() },
    ...{ requestBytes: noPeaks(), responseBytes: noPeaks() },
    ...{ probes: [], dead: [], places: [], news: [], told: [] },
  }
}

/** What was kept as JSON; undefined for what this version did not write. */
export function restoreBaseline(value: unknown): Baseline | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const model: object = newBaseline(0)
  return hasShape(value, model) && 'version' in value && value.version === VERSION
    ? (structuredClone(value) as Baseline) // of the same shape, member by member
    : undefined
}

/** The same members of the same kinds; lists are as long as they are. */
function hasShape(value: unknown, model: unknown): boolean {
  if (Array.isArray(model)) return Array.isArray(value)
  if (typeof model !== 'object' || model === null) return typeof value === typeof model
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const members: Readonly<Record<string, unknown>> = { ...value }
  return Object.entries(model).every(([name, member]) => hasShape(members[name], member))
}

/** Whether it is in the list by now, and was not before; a full list takes nothing in. */
export function learn(list: string[], item: string, limit: number): boolean {
  if (list.includes(item)) return false
  if (list.length >= limit) return false
  list.push(item)
  return true
}

/** Hours since 1970, UTC. */
export const hourOf = (at: number): number => Math.floor(at / HOUR_MS)

/** From Monday 00:00 UTC on: 1970 began on a Thursday. */
export const hourOfWeek = (hour: number): number => (hour + 3 * 24) % HOURS_OF_WEEK

/** Counts the hour, once for each time it comes. */
export function learnHour(baseline: Baseline, at: number): void {
  const hour = hourOf(at)
  if (hour <= baseline.hour) return
  baseline.hour = hour
  const index = hourOfWeek(hour)
  baseline.hours[index] = (baseline.hours[index] ?? 0) + 1
}
