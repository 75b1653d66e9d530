/**
 * Many waiting callers, one write to disk; and what happens when the disk does not answer.
 *
 * Lines that arrive while a commit runs go into the next one. When a commit fails, or takes too
 * long, everybody who waits is told so at once and newcomers are refused without waiting, until a
 * retry has written something: the journal recovers by itself. Lines that nobody waits for
 * (outcomes, counts) are kept over such a time.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../base/errors.ts'
import { reasonOf } from './reason.ts'
import type { Commit, Line } from './segment-writer.ts'

export interface GroupCommitParts {
  /** Writes lines to disk, all or none. */
  readonly append: (commit: Commit) => Promise<void>
  /** Makes the next `append` possible after one that failed. */
  readonly repair: () => Promise<void>
  /** The record of an interruption, written when it is over. */
  readonly describe: (interruption: Interruption) => Line
  readonly onProblem: (problem: string) => void
  readonly onRecovered: (interruption: Interruption) => void
}

export interface Interruption {
  readonly problem: string
  readonly durationMs: number
  /** Records that were refused, and so were their requests. */
  readonly refused: number
  /** Outcomes and counts that no longer fitted into memory. */
  readonly dropped: number
}

/** The contract allows a second; the rest is for the event loop. */
const PATIENCE_MS = 800
const RETRY_MS = 200
/** How long a line that nobody waits for waits for company. */
const COMPANY_MS = 50
const KEPT_LIMIT = 10_000

interface Batch {
  readonly lines: Line[]
  /** The lines that somebody waits for; the others are kept when the batch fails. */
  readonly waited: Set<Line>
  readonly done: PromiseWithResolvers<void>
  readonly isBusy: boolean
  state: 'waiting' | 'written' | 'failed'
  watchdog?: NodeJS.Timeout
}

export class GroupCommit {
  readonly #parts: GroupCommitParts
  #pending: Batch | undefined
  #writing: Batch | undefined
  /** A commit or a retry uses the disk, or waits for it. */
  #isBusy = false
  #isScheduled = false
  #isClosed = false
  #companyTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #interruption: { problem: string; since: number; refused: number; dropped: number } | undefined
  #kept: Line[] = []

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
  }

  /** Why nothing can be written at present. */
  get problem(): string | undefined {
    return this.#isClosed ? 'the audit is closed' : this.#interruption?.problem
  }

  /** Resolves once the line is on disk; throws `audit_unavailable` within a second otherwise. */
  add(line: Line): Promise<void> {
    if (this.problem !== undefined) return this.#refuse(this.problem)
    const batch = this.#batch()
    batch.lines.push(line)
    batch.waited.add(line)
    this.#hurry(batch)
    return batch.done.promise
  }

  /** Goes with the next commit. Lines are kept while nothing can be written. */
  addLater(line: Line): void {
    if (this.#isClosed) return
    if (this.#interruption) {
      this.#keep([line])
      return
    }
    this.#batch().lines.push(line)
    this.#companyTimer ??= setTimeout(() => {
      this.#companyTimer = undefined
      this.#schedule()
    }, COMPANY_MS)
  }

  /** Resolves once everything that was added is on disk. */
  async flush(): Promise<void> {
    if (this.problem !== undefined) return this.#refuse(this.problem)
    const last = this.#pending ?? this.#writing
    if (last) this.#hurry(last)
    await last?.done.promise
  }

  /** Takes no more lines, tries to write those that are here, and gives up after a second. */
  async close(): Promise<void> {
    const last = this.#interruption ? this.#retry() : this.flush().catch(() => undefined)
    await Promise.race([last, sleep(PATIENCE_MS, undefined, { ref: false })])
    this.#isClosed = true
    clearTimeout(this.#companyTimer)
    clearTimeout(this.#retryTimer)
  }

  #batch(): Batch {
    this.#pending ??= {
      lines: [],
      waited: new Set(),
      done: settled(),
      isBusy: this.#writing?.state === 'waiting',
      state: 'waiting',
    }
    return this.#pending
  }

  /** Somebody waits from now on. */
  #hurry(batch: Batch): void {
    batch.watchdog ??= setTimeout(() => {
      // After a pause of the event loop the answer may be here already, and only not yet read.
      setImmediate(() => {
        if (batch.state === 'waiting') this.#fail('the disk does not answer')
      })
    }, PATIENCE_MS)
    this.#schedule()
  }

  /** At the end of this turn of the event loop, so that all its requests share the first commit. */
  #schedule(): void {
    if (this.#isBusy || this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    do await this.#commit()
    while (this.#pending?.watchdog)
    this.#isBusy = false
    if (this.#pending && !this.#companyTimer) this.#schedule()
  }

  async #commit(): Promise<void> {
    const batch = this.#pending
    if (!batch) return
    this.#writing = batch
    this.#pending = undefined
    clearTimeout(this.#companyTimer)
    this.#companyTimer = undefined
    try {
      const { lines, isBusy } = batch
      await this.#parts.append({ lines, isBusy, isWanted: () => batch.state === 'waiting' })
      settle(batch, 'written')
    } catch (error) {
      this.#fail(reasonOf(error))
    } finally {
      this.#writing = undefined
    }
  }

  #fail(problem: string): void {
    if (this.#interruption) return
    this.#interruption = { problem, since: performance.now(), refused: 0, dropped: 0 }
    for (const batch of [this.#writing, this.#pending]) if (batch) this.#abandon(batch, problem)
    this.#pending = undefined
    this.#parts.onProblem(problem)
    this.#retryLater()
  }

  #abandon(batch: Batch, problem: string): void {
    if (this.#interruption) this.#interruption.refused += batch.waited.size
    this.#keep(batch.lines.filter((line) => !batch.waited.has(line)))
    settle(batch, 'failed', unavailable(problem))
  }

  #keep(lines: readonly Line[]): void {
    const room = KEPT_LIMIT - this.#kept.length
    this.#kept.push(...lines.slice(0, room))
    if (this.#interruption) this.#interruption.dropped += Math.max(lines.length - room, 0)
  }

  #retryLater(): void {
    if (this.#isClosed) return
    this.#retryTimer = setTimeout(() => {
      void this.#retry()
    }, RETRY_MS)
    this.#retryTimer.unref()
  }

  async #retry(): Promise<void> {
    const interruption = this.#interruption
    if (!interruption) return
    // A write that hangs keeps the file; whatever it does, the retry comes after it.
    if (this.#isBusy) {
      this.#retryLater()
      return
    }
    this.#isBusy = true
    const kept = this.#kept
    this.#kept = []
    try {
      await this.#parts.repair()
      await this.#resume(kept)
    } catch {
      this.#kept = [...kept, ...this.#kept].slice(0, KEPT_LIMIT)
      this.#retryLater()
    }
    this.#isBusy = false
  }

  async #resume(kept: readonly Line[]): Promise<void> {
    const interruption = this.#interruptionSoFar()
    const lines = [...kept, this.#parts.describe(interruption)]
    await this.#parts.append({ lines, isBusy: false, isWanted: () => true })
    this.#interruption = undefined
    for (const line of this.#kept.splice(0)) this.addLater(line)
    this.#parts.onRecovered(interruption)
  }

  #interruptionSoFar(): Interruption {
    const { problem = '', since = 0, refused = 0, dropped = 0 } = this.#interruption ?? {}
    return { problem, refused, dropped, durationMs: Math.round(performance.now() - since) }
  }

  #refuse(problem: string): Promise<never> {
    if (this.#interruption) this.#interruption.refused++
    return Promise.reject(unavailable(problem))
  }
}

/** A promise that nobody need wait for. */
function settled(): PromiseWithResolvers<void> {
  const done: PromiseWithResolvers<void> = Promise.withResolvers()
  done.promise.catch(() => undefined)
  return done
}

function settle(batch: Batch, state: 'written' | 'failed', failure?: Failure): void {
  clearTimeout(batch.watchdog)
  batch.state = state
  if (failure) batch.done.reject(failure)
  else batch.done.resolve()
}

function unavailable(problem: string): Failure {
  return new Failure('audit_unavailable', `the audit cannot be written: ${problem}`)
}
