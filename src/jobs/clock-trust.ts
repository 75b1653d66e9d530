/**
 * Whether the wall clock may be believed when it says that something is old enough to go. One that
 * leapt ahead, under this process or since the one before it, is believed again after a day.
 */

import type { Now } from '../base/clock.ts'

/** What outlasts a process; epoch milliseconds. */
export interface ClockNote {
  /** When the clock was last looked at. */
  readonly seenAt: number
  /** It is not believed before. */
  readonly trustedFrom: number
}

export interface ClockTrustParts {
  /** By a process before this one; undefined: there was none. */
  readonly noted: ClockNote | undefined
  /** Returns once it is on disk. */
  readonly note: (note: ClockNote) => void
  readonly now: Now
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number
}

export interface ClockTrust {
  /** Milliseconds until the clock is believed; 0 when it is. Throws what `note` throws. */
  look(): number
}

/** A smaller leap lets nothing go that would not go a day later, and a machine may have slept. */
const DAY_MS = 86_400_000

/** Notes nothing before the first look: whoever dies before it must not have believed the clock. */
export function createClockTrust({ noted, note, now, monotonic }: ClockTrustParts): ClockTrust {
  let seen = { wall: now(), monotonic: monotonic() }
  let trustedFrom = seen.monotonic + (noted ? waitAfter(noted, seen.wall) : 0)
  return {
    look() {
      const before = seen
      seen = { wall: now(), monotonic: monotonic() }
      const leap = seen.wall - before.wall - (seen.monotonic - before.monotonic)
      if (leap > DAY_MS) trustedFrom = seen.monotonic + DAY_MS
      const waitMs = Math.max(0, trustedFrom - seen.monotonic)
      note({ seenAt: seen.wall, trustedFrom: seen.wall + waitMs })
      return waitMs
    },
  }
}

/** After a gap, the machine may have been off, or its clock may be wrong. */
function waitAfter({ seenAt, trustedFrom }: ClockNote, now: number): number {
  return now - seenAt > DAY_MS ? DAY_MS : Math.min(Math.max(0, trustedFrom - now), DAY_MS)
}
