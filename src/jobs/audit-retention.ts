/**
 * Lets go of records that are older than they have to be kept, now and then, and says so on the
 * record first. A clock that leapt ahead must not empty the log: see clock-trust.ts.
 */

import { basename } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Now } from '../base/clock.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { RecordSystemChange } from './alert-actions.ts'
import type { ClockTrust } from './clock-trust.ts'

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
  /** Of one writer after the other. */
  readonly findDue: (before: number) => AsyncIterable<Due>
  readonly removeDue: (due: Due) => Promise<void>
  /** Returns once it is on disk. */
  readonly recordChange: RecordSystemChange
  readonly clock: ClockTrust
  readonly log: Log
  readonly now: Now
  readonly firstMs?: number
  readonly everyMs?: number
}

export interface AuditRetention {
  /** One run; for tests and whoever cannot wait. */
  run(): Promise<void>
  close(): Promise<void>
}

/** A start has more urgent things to do. */
const FIRST_MS = 5000
const EVERY_MS = 3_600_000
const DAY_MS = 24 * EVERY_MS

export function startAuditRetention<Due extends DueRecords>(
  parts: RetentionParts<Due>,
): AuditRetention {
  const stop = new AbortController()
  const retention = new Retention(parts, stop.signal)
  const running = repeat(retention, parts, stop.signal)
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
  {
    firstMs = FIRST_MS,
    everyMs = EVERY_MS,
  }: Pick<RetentionParts<DueRecords>, 'firstMs' | 'everyMs'>,
  signal: AbortSignal,
): Promise<void> {
  for (let pauseMs = firstMs; await passed(pauseMs, signal); pauseMs = everyMs)
    await retention.run()
}

/** False when it was ended meanwhile. */
const passed = (pauseMs: number, signal: AbortSignal): Promise<boolean> =>
  setTimeout(pauseMs, undefined, { signal, ref: false }).then(
    () => true,
    () => false,
  )

class Retention<Due extends DueRecords> {
  readonly #parts: RetentionParts<Due>
  readonly #signal: AbortSignal
  #isHeld = false

  constructor(parts: RetentionParts<Due>, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** Never throws: the next run tries again. */
  async run(): Promise<void> {
    const { retentionMs, findDue, now, log } = this.#parts
    try {
      const isTrusted = this.#isClockTrusted()
      const keptMs = retentionMs()
      if (keptMs === undefined || !isTrusted) return
      for await (const due of findDue(now() - keptMs)) {
        if (this.#signal.aborted) return
        await this.#retire(due, keptMs)
      }
    } catch (error) {
      log.error('audit_retention_failed', { problem: wordsOf(error) })
    }
  }

  /** On the record before it is gone, and perhaps twice when the process dies in between. */
  async #retire(due: Due, keptMs: number): Promise<void> {
    const { recordChange, removeDue, log } = this.#parts
    const { writer, paths, first, last, from, to } = due
    const details = {
      ...{ first, last, segments: paths.map((path) => basename(path)) },
      ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      retentionDays: Math.floor(keptMs / DAY_MS),
    }
    await recordChange('audit.retire', { target: writer, details })
    await removeDue(due)
    log.info('audit_retired', { writer, first, last, segments: paths.length })
  }

  /** Says so in the log when it begins not to be. */
  #isClockTrusted(): boolean {
    const waitMs = this.#parts.clock.look()
    if (waitMs > 0 && !this.#isHeld)
      this.#parts.log.warn('audit_retention_waits', {
        why: 'the clock went ahead by more than a day, or the server was off for as long',
        hours: Math.ceil(waitMs / EVERY_MS),
      })
    this.#isHeld = waitMs > 0
    return waitMs === 0
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof Failure) return error.message
  return `files cannot be read or removed (${systemErrorCode(error) ?? 'unexpected'})`
}
