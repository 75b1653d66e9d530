/** How long a source wants to be left alone: as its reply says it, and as its failure carries it. */

import { Failure, type FailureOptions } from '../base/errors.ts'
import { parseRetryAfter } from '../base/retry-after.ts'

/** Nobody is left alone for longer: a mistake of theirs would otherwise need a restart of ours. */
export const MAX_RETRY_AFTER_SECONDS = 300

export function retryAfterOf(
  headers: ReadonlyMap<string, string>,
  now: number,
): Pick<FailureOptions, 'retryAfterSeconds'> {
  const text = headers.get('retry-after')
  const seconds = text === undefined ? undefined : parseRetryAfter(text, now)
  if (seconds === undefined || seconds === 0) return {}
  return { retryAfterSeconds: Math.min(seconds, MAX_RETRY_AFTER_SECONDS) }
}

export function restMsOf(error: unknown): number | undefined {
  const seconds = error instanceof Failure ? error.retryAfterSeconds : undefined
  return seconds && seconds * 1000
}
