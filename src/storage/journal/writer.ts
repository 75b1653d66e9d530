/**
 * A journal's writer as the journal sees it: a thread that is given batches and answers. One that
 * ends by itself is started again by the next `repair`, with the records that were acknowledged.
 */

import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Failure } from '../../base/errors.ts'
import { createSharedMemory, Mailbox, type Batch, type Figures } from './mailbox.ts'
import { reasonOf } from './reason.ts'
import type { TreeFinding } from './tree-recovery.ts'
import type { Opened, WriterMessage, WriterOrders } from './writer-loop.ts'

/** The file that a thread runs, and what it is told besides: tests have another one. */
export interface WriterThread {
  readonly file: string
  readonly faults?: SharedArrayBuffer
}

export interface WriterParts {
  readonly orders: Omit<WriterOrders, 'memory' | 'acknowledged' | 'time'>
  readonly thread?: WriterThread | undefined
  readonly now: () => number
  /** It ended by itself while nobody waited for it, or while somebody did. */
  readonly onEnd: (problem: string) => void
  readonly onBehind: (problem: string) => void
  /** Records have gone without a signature for too long. */
  readonly onUnsigned: (problem: string) => void
  /** A thread that took over found records that are not as they were signed. */
  readonly onFinding: (finding: TreeFinding) => void
}

/** Beside this file, as source or compiled. */
const THREAD: WriterThread = {
  file: join(import.meta.dirname, `writer-thread${extname(import.meta.filename)}`),
}

/** The thread's own heap: a batch and a few hashes. */
const LIMITS = { maxYoungGenerationSizeMb: 2 }

const CLOSE_TIMEOUT_MS = 500

interface Running {
  readonly thread: Worker
  readonly mailbox: Mailbox
  readonly end: Promise<unknown>
}

export class Writer {
  readonly #parts: WriterParts
  #running: Running | undefined
  #answer: PromiseWithResolvers<WriterMessage> | undefined
  #figures: Figures = { records: 0, bytes: 0, ahead: 0 }
  #lastCheckpoint: string | undefined
  #isClosed = false

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  /** As of the last commit. */
  get figures(): Figures {
    return this.#figures
  }

  /** The newest one; undefined before the first. */
  get checkpoint(): string | undefined {
    return this.#running?.mailbox.checkpoint ?? this.#lastCheckpoint
  }

  async open(acknowledged?: number): Promise<Opened> {
    const memory = createSharedMemory()
    const { orders, thread: { file, faults } = THREAD, now } = this.#parts
    const thread = new Worker(file, {
      workerData: { ...orders, memory, acknowledged, time: now(), faults },
      // It gets what it needs by name, and above all no secret of the environment.
      ...{ env: {}, argv: [], execArgv: [], resourceLimits: LIMITS },
    })
    const answered = this.#expectAnswer()
    this.#running = { thread, mailbox: new Mailbox(memory), end: this.#watch(thread) }
    const answer = await answered
    if (answer === 'written' || answer.kind !== 'opened') throw ended()
    this.#figures = { records: answer.opened.records, bytes: 0, ahead: 0 }
    return answer.opened
  }

  /** From now on whoever waits has a timer, and a journal at rest keeps no process alive. */
  rest(): void {
    this.#running?.thread.unref()
  }

  /** Resolves once the batch is on disk; else throws, and none of it counts. */
  async write(batch: Batch): Promise<void> {
    if (!this.#running) throw ended()
    const answered = this.#expectAnswer()
    this.#running.mailbox.post('write', batch)
    await answered
  }

  /** Takes back what a failed `write` may have left. Gives the name of a segment that is gone. */
  async repair(): Promise<string | undefined> {
    if (!this.#running) {
      const { finding } = await this.open(this.#figures.records)
      if (finding) this.#parts.onFinding(finding)
    }
    this.rest()
    const answered = this.#expectAnswer()
    this.#running?.mailbox.post('repair')
    const answer = await answered
    return typeof answer === 'object' && answer.kind === 'repaired' ? answer.lost : undefined
  }

  /** What is being written shall not count any more. False when it is on disk already, and counts. */
  abandon(): boolean {
    return this.#running?.mailbox.abandon() ?? true
  }

  /** A thread that hangs in a write is left behind: nobody gains by waiting for it. */
  async close(): Promise<void> {
    this.#isClosed = true
    const running = this.#running
    if (!running) return
    const { thread, mailbox, end } = running
    thread.ref()
    const timeout: PromiseWithResolvers<void> = Promise.withResolvers()
    const timer = setTimeout(timeout.resolve, CLOSE_TIMEOUT_MS)
    if (!this.#answer) mailbox.post('close')
    await Promise.race([end, timeout.promise])
    clearTimeout(timer)
    void thread.terminate()
  }

  #expectAnswer(): Promise<WriterMessage> {
    this.#answer = Promise.withResolvers()
    return this.#answer.promise
  }

  #watch(thread: Worker): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    let problem = 'the writer of the audit ended'
    thread.on('message', (message: WriterMessage) => {
      this.#receive(message)
    })
    thread.on('error', (error) => {
      problem = `${problem}: ${reasonOf(error)}`
    })
    thread.once('exit', () => {
      this.#end(problem)
      resolve(undefined)
    })
    return promise
  }

  #receive(message: WriterMessage): void {
    if (message === 'written') this.#written()
    else if (message.kind === 'behind') this.#parts.onBehind(message.problem)
    else if (message.kind === 'unsigned') this.#parts.onUnsigned(message.problem)
    else if (message.kind === 'failed') this.#settle().reject(ended(message.problem))
    else this.#settle().resolve(message)
  }

  #written(): void {
    if (this.#running) this.#figures = this.#running.mailbox.figures
    this.#settle().resolve('written')
  }

  #end(problem: string): void {
    const { mailbox } = this.#running ?? {}
    this.#lastCheckpoint = mailbox?.checkpoint ?? this.#lastCheckpoint
    // It is on disk, and only the answer got lost.
    if (this.#answer && mailbox?.isWritten === true) this.#written()
    this.#running = undefined
    this.#settle().reject(ended(problem))
    if (this.#isClosed) return
    // Whoever was answered just now hears that before the end: what is on disk has not failed.
    setImmediate(() => {
      this.#parts.onEnd(problem)
    })
  }

  #settle(): PromiseWithResolvers<WriterMessage> {
    const answer = this.#answer ?? settledAlready()
    this.#answer = undefined
    return answer
  }
}

const ended = (problem = 'the writer of the audit ended'): Failure =>
  new Failure('audit_unavailable', problem)

/** Nobody waits for it. */
function settledAlready(): PromiseWithResolvers<WriterMessage> {
  const answer = Promise.withResolvers<WriterMessage>()
  answer.promise.catch(() => undefined)
  return answer
}
