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

/** The oldest record that there is. */
export interface Oldest {
  readonly at: number
  /** Its log began with it, so that nothing before it was removed. */
  readonly isFirst: boolean
}

/** Judges the index against a window. */
export function coverageOf(
  { since, until }: Window,
  status: IndexStatus,
  oldest: Oldest | undefined,
): Coverage {
  const gaps = [...indexGaps(status), ...historyGaps(since, oldest)]
  const { newestAt } = status
  return {
    ...{ since, until, gaps },
    ...(oldest === undefined ? {} : { historyFrom: oldest.at }),
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

function historyGaps(since: number, oldest: Oldest | undefined): string[] {
  if (!oldest) return ['The audit has no records.']
  if (oldest.isFirst || oldest.at <= since) return []
  const from = new Date(oldest.at).toISOString().slice(0, 16).replace('T', ' ')
  return [`What was before ${from}Z is not in the audit any more.`]
}
