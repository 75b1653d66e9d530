/** How much of a window the index can tell, once it had a moment to take in what was just written. */

import { setTimeout } from 'node:timers/promises'
import type { AuditIndex, IndexStatus } from '../../audit/audit-index.ts'
import { coverageOf, type Coverage, type Window } from '../../insight/coverage.ts'

const DAY_MS = 86_400_000
const DEFAULT_WINDOW_MS = 30 * DAY_MS

const PAUSE_MS = 50
const MAX_PAUSES = 40

/** To be read before the activity that it speaks for. */
export async function readCoverage(index: AuditIndex, window: Window): Promise<Coverage> {
  return coverageOf(window, await statusNow(index))
}

/** The record that this report was asked for is itself on its way into the index. */
async function statusNow(index: AuditIndex): Promise<IndexStatus> {
  let status = await index.status()
  for (let pauses = 0; pauses < MAX_PAUSES && isCatchingUp(status); pauses += 1) {
    await setTimeout(PAUSE_MS)
    status = await index.status()
  }
  return status
}

const isCatchingUp = ({ behindBytes, isRebuilding, problem }: IndexStatus) =>
  behindBytes > 0 && !isRebuilding && problem === undefined

/** The time that a question is about; the last 30 days unless it says otherwise. */
export function windowOf(
  { since, until }: { readonly since?: number | undefined; readonly until?: number | undefined },
  now: number,
): Window {
  const end = until ?? now
  return { since: since ?? end - DEFAULT_WINDOW_MS, until: end }
}

export function withGaps(coverage: Coverage, more: readonly string[]): Coverage {
  const gaps = [...coverage.gaps, ...more]
  return { ...coverage, gaps, isComplete: gaps.length === 0 }
}
