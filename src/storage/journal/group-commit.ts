/**
 * Many waiting callers, one write to disk; and what happens when the disk does not answer.
 *
 * Lines that arrive while a commit runs go into the next one. When a commit fails, or takes too
 * long, everybody who waits is told so at once and newcomers are refused without waiting, until a
 * retry has written something: the journal recovers by itself. Lines that nobody waits for
 * (outcomes, counts) are kept over such a time.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import { reasonOf } from './reason.ts'
import { BATCH_CHARACTERS, type Batch } from './mailbox.ts'

export interface GroupCommitParts {
  /** Writes a batch to disk, all of it or nothing. */
  readonly write: (batch: Batch) => Promise<void>
  /** Makes the next `write` possible after one that failed. */
  readonly repair: () => Promise<void>
  /** What is being written shall not count any more. False when it is on disk already, and counts. */
  readonly abandon: () => boolean
  readonly now: Now
  /** The record of an interruption, written when it is over. */
  readonly describe: (interruption: Interruption) => string
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

/** A batch with so many who wait is followed by others like it. */
const MANY = 4
/** How long a batch among many is gathered, as long as each turn of the event loop adds to it. */
const GATHER_MS = 0.5

interface Gathering {
  /** Lines with their newlines, in the order of their arrival. */
  text: string
  /** Those of them that nobody waits for: they are kept when the batch fails. */
  readonly unwaited: string[]
  waited: number
  /** How many waited when it was last looked at, to see whether it grows. */
  seen: number
  since: number
  readonly isBusy: boolean
  readonly done: PromiseWithResolvers<void>
  state: 'waiting' | 'written' | 'failed'
  watchdog?: NodeJS.Timeout
}

export class GroupCommit {
  readonly #parts: GroupCommitParts
  /** The last one takes more lines. */
  #pending: Gathering[] = []
  #writing: Gathering | undefined
  /** Who waited for the last one. */
  #waitedLast = 0
  /** A commit or a retry uses the disk, or waits for it. */
  #isBusy = false
  #isScheduled = false
  #isClosed = false
  #companyTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #interruption: { problem: string; since: number; refused: number; dropped: number } | undefined
  #kept: string[] = []

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
  }

  /** Why nothing can be written at present. */
  get problem(): string | undefined {
    return this.#isClosed ? 'the audit is closed' : this.#interruption?.problem
  }

  /** Resolves once the line is on disk; throws `audit_unavailable` within a second otherwise. */
  add(line: string): Promise<void> {
    if (this.problem !== undefined) return this.#refuse(this.problem)
    const batch = this.#batch()
    batch.text += line + '\n'
    batch.waited++
    this.#hurry(batch)
    return batch.done.promise
  }

  /** Goes with the next commit. Lines are kept while nothing can be written. */
  addLater(line: string): void {
    if (this.#isClosed) return
    if (this.#interruption) {
      this.#keep([line])
      return
    }
    const batch = this.#batch()
    batch.text += line + '\n'
    batch.unwaited.push(line)
    this.#companyTimer ??= setTimeout(() => {
      this.#companyTimer = undefined
      this.#schedule()
    }, COMPANY_MS)
  }

  /** Resolves once everything that was added is on disk. */
  async flush(): Promise<void> {
    if (this.problem !== undefined) return this.#refuse(this.problem)
    const last = this.#pending.at(-1) ?? this.#writing
    for (const batch of this.#pending) this.#hurry(batch)
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

  /** From now on nothing can be written, until a retry succeeds. */
  fail(problem: string): void {
    if (this.#interruption) return
    this.#interruption = { problem, since: performance.now(), refused: 0, dropped: 0 }
    const abandoned = this.#pending
    this.#pending = []
    for (const batch of [this.#writing, ...abandoned]) if (batch) this.#abandon(batch, problem)
    this.#parts.onProblem(problem)
    this.#retryLater()
  }

  /** As `fail`, while the disk still takes batches: one that is on disk already counts. */
  interrupt(problem: string): void {
    if (!this.#writing || this.#parts.abandon()) this.fail(problem)
    else
      setImmediate(() => {
        this.interrupt(problem)
      })
  }

  #batch(): Gathering {
    const last = this.#pending.at(-1)
    if (last && last.text.length < BATCH_CHARACTERS) return last
    const batch: Gathering = {
      ...{ text: '', unwaited: [], waited: 0, seen: 0, since: performance.now() },
      ...{ done: settled(), isBusy: this.#writing?.state === 'waiting', state: 'waiting' },
    }
    this.#pending.push(batch)
    return batch
  }

  /** Somebody waits from now on. */
  #hurry(batch: Gathering): void {
    batch.watchdog ??= setTimeout(() => {
      this.#watch(batch)
    }, PATIENCE_MS)
    this.#schedule()
  }

  /** After a pause of the event loop the answer may be here already, and only not yet read. */
  #watch(batch: Gathering): void {
    setImmediate(() => {
      if (batch.state !== 'waiting') return
      if (this.#writing && !this.#parts.abandon()) this.#watch(batch)
      else this.fail('the disk does not answer')
    })
  }

  /** At the end of this turn of the event loop, so that all its requests share the first commit. */
  #schedule(): void {
    if (this.#isBusy || this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    if (this.#isGathering()) {
      setImmediate(this.#turn)
      return
    }
    this.#isScheduled = false
    void this.#run()
  }

  /**
   * Where many wait, more are about to: as long as each turn brings some, the disk may wait a
   * little. A commit costs about as much for one as for a hundred.
   */
  #isGathering(): boolean {
    const batch = this.#pending[0]
    if (!batch || batch.waited === batch.seen || this.#waitedLast < MANY) return false
    batch.seen = batch.waited
    return performance.now() - batch.since < GATHER_MS
  }

  async #run(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    await this.#commit()
    this.#isBusy = false
    if (this.#pending[0]?.watchdog || (this.#pending[0] && !this.#companyTimer)) this.#schedule()
  }

  async #commit(): Promise<void> {
    const batch = this.#pending.shift()
    if (!batch) return
    this.#writing = batch
    this.#waitedLast = batch.waited
    clearTimeout(this.#companyTimer)
    this.#companyTimer = undefined
    try {
      const { text, isBusy } = batch
      await this.#parts.write({ text, isBusy, time: this.#parts.now() })
      settle(batch, 'written')
    } catch (error) {
      this.fail(reasonOf(error))
    } finally {
      this.#writing = undefined
    }
  }

  #abandon(batch: Gathering, problem: string): void {
    if (this.#interruption) this.#interruption.refused += batch.waited
    this.#keep(batch.unwaited)
    settle(batch, 'failed', unavailable(problem))
  }

  #keep(lines: readonly string[]): void {
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
    if (!this.#interruption) return
    // A write that hangs keeps the file; whatever it does, the retry comes after it.
    if (this.#isBusy) {
      this.#retryLater()
      return
    }
    this.#isBusy = true
    const kept = this.#takeKept()
    try {
      await this.#parts.repair()
      await this.#resume(kept)
    } catch {
      this.#kept = [...kept, ...this.#kept].slice(0, KEPT_LIMIT)
      this.#retryLater()
    }
    this.#isBusy = false
  }

  /** As many as one batch takes. */
  #takeKept(): readonly string[] {
    let room = BATCH_CHARACTERS
    const end = this.#kept.findIndex((line) => (room -= line.length + 1) < 0)
    return this.#kept.splice(0, end === -1 ? this.#kept.length : end)
  }

  async #resume(kept: readonly string[]): Promise<void> {
    const interruption = this.#interruptionSoFar()
    const text = [...kept, this.#parts.describe(interruption), ''].join('\n')
    await this.#parts.write({ text, isBusy: false, time: this.#parts.now() })
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

function settle(batch: Gathering, state: 'written' | 'failed', failure?: Failure): void {
  clearTimeout(batch.watchdog)
  batch.state = state
  if (failure) batch.done.reject(failure)
  else batch.done.resolve()
}

function unavailable(problem: string): Failure {
  return new Failure('audit_unavailable', `the audit cannot be written: ${problem}`)
}
