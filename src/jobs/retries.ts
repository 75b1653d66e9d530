/** When a delivery that failed is tried again: ever later, never for many at the same moment. */

import type { DeliveryProblem } from '../insight/alert-target.ts'

const FIRST_MS = 5000
const FACTOR = 4
const LONGEST_MS = 2 * 3_600_000
/** What a receiver may ask for. */
const LONGEST_ASKED_MS = 6 * 3_600_000
/** After a day an alert is history: `alert list` still has it. */
const GIVEN_UP_AFTER_MS = 24 * 3_600_000

/** Exponential, of which one half is left to chance. */
export function retryDelayMs(attempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * FACTOR ** attempts)
  return Math.round(ceiling / 2 + (random() * ceiling) / 2)
}

export interface FailedAttempt {
  readonly queuedAt: number
  /** Before this one. */
  readonly attempts: number
  readonly problem: DeliveryProblem
}

/** Epoch ms of the next attempt; undefined when there should be none. */
export function nextAttemptAt(
  { queuedAt, attempts, problem }: FailedAttempt,
  now: number,
  delayOf: (attempts: number) => number = retryDelayMs,
): number | undefined {
  const asked = Math.min(LONGEST_ASKED_MS, (problem.retryAfterSeconds ?? 0) * 1000)
  const at = now + Math.max(asked, delayOf(attempts))
  return problem.isFinal || at > queuedAt + GIVEN_UP_AFTER_MS ? undefined : at
}
