/**
 * The index over the journal, for a thread of its own: it fills itself in small steps and answers
 * between them. What is asked sees everything that was in the journal when it was asked, unless
 * more is missing than a second can bring.
 */

import { setImmediate, setTimeout } from 'node:timers/promises'
import type { ActivityQuery, AuditIndex, CountQuery, IndexStatus } from '../../audit/audit-index.ts'
import type { AuditQuery } from '../../audit/audit-reader.ts'
import { Failure, systemErrorCode } from '../../base/errors.ts'
import type { KeyedFinding } from '../../insight/alert.ts'
import { readActivity } from './activity.ts'
import { readCounts } from './counts.ts'
import { isDamage, setAside } from './database.ts'
import { OpenIndex, type OpenIndexParts } from './open-index.ts'
import { readPage } from './page.ts'

export interface AuditIndexParts extends OpenIndexParts {
  /** Called again after a restart with what was not acknowledged. */
  readonly onFindings: (found: readonly KeyedFinding[]) => void
}

export interface LocalAuditIndex extends AuditIndex {
  /** What was found has been taken over by somebody who keeps it. */
  acknowledge(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

const POLL_MS = 250
const RETRY_MS = 1000
const SWEEP_MS = 10_000

/** How long a question waits for what is not in yet. */
const CATCH_UP_MS = 800

export function startAuditIndex(parts: AuditIndexParts): LocalAuditIndex {
  return new FillingIndex(parts)
}

class FillingIndex implements LocalAuditIndex {
  readonly #parts: AuditIndexParts
  readonly #stop = new AbortController()
  readonly #filling: Promise<void>
  #open: OpenIndex | undefined
  #problem: string | undefined
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(parts: AuditIndexParts) {
    this.#parts = parts
    this.#filling = this.#fillForever()
  }

  query(query: AuditQuery) {
    return this.#ask(({ database, records }) =>
      readPage({ database, records, turn: () => setImmediate() }, query),
    )
  }

  activity(query: ActivityQuery) {
    return this.#ask(({ database }) => readActivity(database, query))
  }

  counts(query: CountQuery) {
    return this.#ask(({ database }) => readCounts(database, query))
  }

  async status(): Promise<IndexStatus> {
    const status = this.#open?.status() ?? NOTHING_YET
    return this.#problem === undefined ? status : { ...status, problem: this.#problem }
  }

  async rebuild(): Promise<void> {
    this.#guard(() => {
      this.#open = this.#open?.rebuilt()
      return true
    })
  }

  async acknowledge(keys: readonly string[]): Promise<void> {
    this.#open?.acknowledge(keys)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#filling
    this.#open?.close()
    this.#open = undefined
  }

  async #fillForever(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const isAtEnd = this.#step()
      const pauseMs = this.#problem === undefined ? POLL_MS : RETRY_MS
      if (isAtEnd) await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined)
      else await setImmediate()
    }
  }

  async #ask<T>(answer: (open: OpenIndex) => T | Promise<T>): Promise<T> {
    const deadline = performance.now() + CATCH_UP_MS
    while (!this.#step() && performance.now() < deadline) await setImmediate()
    const open = this.#open
    if (!open) throw new Failure('database_unavailable', this.#problem ?? 'the index is closed')
    try {
      return await answer(open)
    } catch (error) {
      throw error instanceof Failure ? error : this.#failed(open, error)
    }
  }

  /** A batch; true when there is nothing more to do for now. */
  #step(): boolean {
    if (this.#stop.signal.aborted) return true
    return this.#guard(() => {
      const open = (this.#open ??= this.#start())
      const { isAtEnd, found } = open.fill()
      if (found.length > 0) this.#parts.onFindings(found)
      if (isAtEnd) this.#sweep(open)
      this.#problem = undefined
      return isAtEnd
    })
  }

  #start(): OpenIndex {
    const open = new OpenIndex(this.#parts)
    const waiting = open.findings()
    if (waiting.length > 0) this.#parts.onFindings(waiting)
    return open
  }

  #sweep(open: OpenIndex): void {
    if (performance.now() - this.#sweptAt < SWEEP_MS) return
    // One segment at a time, since a question may wait behind it.
    if (!open.sweep()) this.#sweptAt = performance.now()
  }

  /** Trouble ends the step and not the thread. */
  #guard(body: () => boolean): boolean {
    try {
      return body()
    } catch (error) {
      // Also what this very step has opened: its memory is ahead of what was rolled back.
      this.#failed(this.#open, error)
      return true
    }
  }

  /** The next step opens everything anew: nothing in memory may be ahead of what is stored. */
  #failed(open: OpenIndex | undefined, error: unknown): Failure {
    const problem = wordsOf(error)
    if (problem !== this.#problem) this.#parts.log.error('audit_index_failed', { problem })
    this.#problem = problem
    if (open && open === this.#open) {
      this.#open = undefined
      closeQuietly(open)
      if (isDamage(error)) setAside(this.#parts, error)
    }
    return new Failure('database_unavailable', problem, { cause: error })
  }
}

const NOTHING_YET: IndexStatus = {
  records: 0,
  newestAt: undefined,
  behindBytes: 0,
  isRebuilding: true,
}

function closeQuietly(open: OpenIndex): void {
  try {
    open.close()
  } catch {
    // What is damaged may not close either.
  }
}

/** SQLite's own words are about files and tables, but they are not ours to vouch for. */
function wordsOf(error: unknown): string {
  if (error instanceof Failure) return error.message
  if (isDamage(error)) return 'the file of the index is damaged'
  const code =
    error instanceof Error && 'errcode' in error
      ? `SQLite error ${Number(error.errcode)}`
      : undefined
  return `the index cannot be used (${code ?? systemErrorCode(error) ?? 'unexpected'})`
}
