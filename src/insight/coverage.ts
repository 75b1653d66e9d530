/** Which time a report is about, and how much of it the audit's index can tell. */

import type { IndexStatus } from '../audit/audit-index.ts'

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
  const gaps = [...indexGaps(status), ...historyGaps(since, status)]
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
  const from = new Date(retiredBefore).toISOString().slice(0, 16).replace('T', ' ')
  return [`What was before ${from}Z is not in the audit any more.`]
}
