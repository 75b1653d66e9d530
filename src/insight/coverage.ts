/** Which time a report is about, and how much of it the audit's index can tell. */

import type { IndexStatus, MissingRecords } from '../audit/audit-index.ts'

export interface Window {
  /** Epoch ms, inclusive. */
  readonly since: number
  /** Epoch ms, exclusive. */
  readonly until: number
}

export interface Coverage extends Window {
  /** Time of the oldest record there is; absent when there is none. */
  readonly historyFrom?: number
  /** Time of the newest record in the index. */
  readonly indexedTo?: number
  readonly isComplete: boolean
  /** What is missing, one sentence each; empty when nothing is. */
  readonly gaps: readonly string[]
}

/** Judges the index against a window. */
export function coverageOf({ since, until }: Window, status: IndexStatus): Coverage {
  const gaps = [
    ...indexGaps(status),
    ...historyGaps(since, status),
    ...missingGaps({ since, until }, status),
  ]
  const { newestAt, oldestAt } = status
  return {
    ...{ since, until, gaps },
    ...(oldestAt === undefined ? {} : { historyFrom: oldestAt }),
    ...(newestAt === undefined ? {} : { indexedTo: newestAt }),
    isComplete: gaps.length === 0,
  }
}

function indexGaps({ isRebuilding, problem, behindBytes }: IndexStatus): string[] {
  if (problem !== undefined) return [`The index stands still: ${problem}.`]
  if (isRebuilding) return ['The index is being rebuilt: what it has not read yet is missing.']
  if (behindBytes === 0) return []
  const lag = Math.ceil(behindBytes / 1024)
  return [`The index is ${lag} KiB behind the journal: the newest requests are missing.`]
}

function historyGaps(since: number, { oldestAt, retiredBefore }: IndexStatus): string[] {
  if (oldestAt === undefined) return ['The audit has no records.']
  if (retiredBefore === undefined || retiredBefore <= since) return []
  return [`What was before ${minuteOf(retiredBefore)} is not in the audit any more.`]
}

const TOLD = 3

/** Those that can be of the window, by the times of what is left around them. */
function missingGaps({ since, until }: Window, { missing = [] }: IndexStatus): string[] {
  const within = missing.filter(
    ({ after = 0, before = Number.POSITIVE_INFINITY }) => after < until && before > since,
  )
  const others = within.length > TOLD ? [`So are ${within.length - TOLD} more ranges.`] : []
  return [...within.slice(0, TOLD).map(missingInWords), ...others]
}

function missingInWords({ writer, first, last, before }: MissingRecords): string {
  const from = before === undefined ? '' : ` before ${minuteOf(before)}`
  return `Records ${first} to ${last} of ${writer}${from} are missing, and no retirement says so.`
}

const minuteOf = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}Z`
