/** How long a worker that died waits for its successor: not at all, then 1 s, then ever longer. */

export interface Backoff {
  /** Milliseconds to wait, for one that lived so long. */
  next(livedMs: number): number
}

const FIRST_MS = 1000
const LONGEST_MS = 30_000
/** Who lived so long was well: what came before is forgotten. */
const HEALTHY_MS = 60_000

export function createBackoff(): Backoff {
  let delayMs = 0
  return {
    next(livedMs) {
      if (livedMs >= HEALTHY_MS) delayMs = 0
      const wait = delayMs
      delayMs = delayMs === 0 ? FIRST_MS : Math.min(delayMs * 2, LONGEST_MS)
      return wait
    },
  }
}
