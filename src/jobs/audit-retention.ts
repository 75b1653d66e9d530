/**
 * Lets go of records that are older than they have to be kept, now and then, and says so on the
 * record first. A clock that jumped ahead must not empty the log: nothing goes before the clock has
 * agreed with the time that passed for a day.
 */

import { setTimeout } from 'node:timers/promises'
import type { Now } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { RecordSystemChange } from './alert-actions.ts'

/** Records of one writer that may go, as whole files. */
export interface DueRecords {
  readonly writer: string
  readonly paths: readonly string[]
  /** Sequence numbers. */
  readonly first: number
  readonly last: number
  /** Epoch milliseconds. */
  readonly from: number
  readonly to: number
}

export interface RetentionParts<Due extends DueRecords> {
  /** Asked each time; undefined: for ever. */
  readonly retentionMs: () => number | undefined
  readonly findDue: (before: number) => Promise<readonly Due[]>
  readonly removeDue: (due: Due) => Promise<void>
  /** Returns once it is on disk. */
  readonly recordChange: RecordSystemChange
  /** Time of the newest record that a process before this one wrote; undefined: there was none. */
  readonly lastRecordAt: number | undefined
  readonly log: Log
  readonly now: Now
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number
  readonly everyMs?: number
}

export interface AuditRetention {
  /** One run; for tests and whoever cannot wait. */
  run(): Promise<void>
  close(): Promise<void>
}

/** A start has more urgent things to do. */
const FIRST_MS = 60_000
const EVERY_MS = 3_600_000
const DAY_MS = 24 * EVERY_MS
/** Between two looks, what wall and monotonic clock may differ by. */
const SLACK_MS = 60_000

export function startAuditRetention<Due extends DueRecords>(
  parts: RetentionParts<Due>,
): AuditRetention {
  const retention = new Retention(parts)
  const stop = new AbortController()
  const running = repeat(retention, parts.everyMs ?? EVERY_MS, stop.signal)
  return {
    run: () => retention.run(),
    async close() {
      stop.abort()
      await running
    },
  }
}

async function repeat(
  retention: Pick<AuditRetention, 'run'>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = Math.min(FIRST_MS, everyMs)
  while (await passed(pauseMs, signal)) {
    await retention.run()
    pauseMs = everyMs
  }
}

/** False when it was ended meanwhile. */
const passed = (pauseMs: number, signal: AbortSignal): Promise<boolean> =>
  setTimeout(pauseMs, undefined, { signal, ref: false }).then(
    () => true,
    () => false,
  )

class Retention<Due extends DueRecords> {
  readonly #parts: RetentionParts<Due>
  #seen: { readonly wall: number; readonly monotonic: number }
  /** Of the monotonic clock: the wall clock is believed from then on. */
  #trustedFrom: number
  #isHeld = false

  constructor(parts: RetentionParts<Due>) {
    this.#parts = parts
    const { lastRecordAt, now, monotonic } = parts
    this.#seen = { wall: now(), monotonic: monotonic() }
    // A gap may be a machine that was off, or a clock that is wrong.
    const isSudden = lastRecordAt !== undefined && now() - lastRecordAt > DAY_MS
    this.#trustedFrom = monotonic() + (isSudden ? DAY_MS : 0)
  }

  /** Never throws: the next run tries again. */
  async run(): Promise<void> {
    const { retentionMs, findDue, now, log } = this.#parts
    const keptMs = retentionMs()
    if (keptMs === undefined || !this.#isClockTrusted()) return
    try {
      for (const due of await findDue(now() - keptMs)) await this.#retire(due, keptMs)
    } catch (error) {
      const problem = error instanceof Failure ? error.message : 'the files cannot be read'
      log.error('audit_retention_failed', { problem })
    }
  }

  /** On the record before it is gone, and perhaps twice when the process dies in between. */
  async #retire(due: Due, keptMs: number): Promise<void> {
    const { recordChange, removeDue, log } = this.#parts
    const { writer, paths, first, last, from, to } = due
    const details = {
      ...{ first, last, segments: paths.length },
      ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      retentionDays: Math.floor(keptMs / DAY_MS),
    }
    await recordChange('audit.retire', { target: writer, details })
    await removeDue(due)
    log.info('audit_retired', { writer, first, last, segments: paths.length })
  }

  #isClockTrusted(): boolean {
    const { now, monotonic, log } = this.#parts
    const seen = { wall: now(), monotonic: monotonic() }
    const drift = seen.wall - this.#seen.wall - (seen.monotonic - this.#seen.monotonic)
    this.#seen = seen
    if (drift > SLACK_MS) this.#trustedFrom = seen.monotonic + DAY_MS
    const isTrusted = seen.monotonic >= this.#trustedFrom
    if (!isTrusted && !this.#isHeld)
      log.warn('audit_retention_waits', {
        why: 'the clock went ahead, or nothing was written for more than a day',
        hours: Math.ceil((this.#trustedFrom - seen.monotonic) / EVERY_MS),
      })
    this.#isHeld = !isTrusted
    return isTrusted
  }
}
