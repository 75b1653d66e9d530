/** One worker from outside: its process, what it is asked, and how it ends. */

import cluster, { type Worker } from 'node:cluster'
import { extname, join } from 'node:path'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createChannel, type Channel } from '../fleet/channel.ts'
import {
  checkServerCall,
  type BoundListener,
  type ServerCalls,
  type WorkerCalls,
} from '../fleet/calls.ts'
import type { RemoteGate } from '../fleet/gates.ts'
import type { ProcessSourceState } from '../secret/source-state.ts'
import type { DrainReport } from '../proxy/data-plane.ts'
import type { Orders } from './orders.ts'

/** What the server answers to any of its workers, but for what it has to remember of each. */
export type SharedCalls = Omit<ServerCalls<Orders>, 'orders' | 'ready' | 'failed'>

export interface WorkerParts {
  readonly orders: Orders
  readonly calls: SharedCalls
  readonly log: Log
}

export interface WorkerStart {
  readonly listeners: readonly BoundListener[]
  readonly catalogDigest: string
}

/** From a revocation's commit to its answer: a worker that takes longer is ended, which revokes too. */
const CONFIRM_MS = 2000
const START_MS = 30_000
const RELOAD_MS = 30_000
/** For the journal to be closed after the last request. */
const CLOSE_MS = 3000

/** Called once, before the first worker. */
export function prepareWorkers(): void {
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({
    // Beside this file, as source or compiled.
    exec: join(import.meta.dirname, `worker${extname(import.meta.filename)}`),
    args: [],
    execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

export class WorkerProcess implements RemoteGate {
  readonly name: string
  /** Resolves when it listens; rejects with why it does not. */
  readonly started: Promise<WorkerStart>
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>
  /** From here on it must confirm every revocation. */
  hasJoined = false
  isReady = false
  readonly #worker: Worker
  readonly #channel: Channel<WorkerCalls>
  readonly #log: Log

  constructor({ orders, calls, log }: WorkerParts) {
    const start = Promise.withResolvers<WorkerStart>()
    this.name = orders.writer
    this.#log = log
    this.#worker = cluster.fork()
    this.#channel = createChannel<WorkerCalls, ServerCalls<Orders>>({
      send: (message) => {
        if (this.#worker.isConnected()) this.#worker.process.send(message as object, sent)
      },
      calls: this.#answering({ orders, calls }, start),
      check: checkServerCall,
      timeoutMs: CONFIRM_MS,
    })
    this.ended = this.#watch(start.reject)
    this.started = this.#inTime(start.promise)
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  async apply(revocation: Parameters<WorkerCalls['apply']>[0]): Promise<number> {
    return (await this.#sure(this.#channel.ask('apply', revocation))) ?? 0
  }

  async countLive(): Promise<number> {
    return (await this.#report())?.inFlight ?? 0
  }

  async forget(credential: string): Promise<void> {
    await this.#sure(this.#channel.ask('forget', credential))
  }

  async states(): Promise<readonly ProcessSourceState[]> {
    const states = (await this.#sure(this.#channel.ask('states'))) ?? []
    return states.map((known) => ({ ...known, process: this.name }))
  }

  async works(): Promise<boolean> {
    return this.isReady && (await this.#report())?.isReady === true
  }

  /** The digest of the catalogue that it has now; undefined when it could not read the files. */
  async reload(): Promise<string | undefined> {
    return this.#channel
      .within(RELOAD_MS)
      .ask('reload')
      .catch(() => undefined)
  }

  /** Lets requests end for this long, and then the process. */
  async stop(graceMs: number): Promise<DrainReport> {
    this.isReady = false
    const drained = this.hasJoined
      ? await this.#sure(this.#channel.within(graceMs + CLOSE_MS).ask('stop', graceMs))
      : undefined
    if (this.#worker.isConnected()) this.#worker.process.disconnect()
    const timer = setTimeout(() => {
      this.kill()
    }, CLOSE_MS)
    await this.ended
    clearTimeout(timer)
    return drained ?? { finished: 0, cut: 0 }
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #answering(
    { orders, calls }: Pick<WorkerParts, 'orders' | 'calls'>,
    start: PromiseWithResolvers<WorkerStart>,
  ): ServerCalls<Orders> {
    return {
      ...calls,
      orders: async () => orders,
      join: async () => {
        this.hasJoined = true
        return calls.join()
      },
      ready: async (listeners, catalogDigest) => {
        this.isReady = true
        start.resolve({ listeners, catalogDigest })
      },
      failed: async ({ code, problem }) => {
        start.reject(new Failure(code === 'listen_failed' ? code : 'refused', problem))
      },
    }
  }

  #watch(onEnd: (error: Failure) => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const { process: child } = this.#worker
    child.on('message', (message) => {
      this.#channel.receive(message)
    })
    // Closed from its side: it is ending, or has lost its way and must not go on.
    child.on('disconnect', () => {
      this.#channel.end()
    })
    const end = (): void => {
      this.isReady = false
      this.hasJoined = false
      this.#channel.end()
      onEnd(new Failure('refused', 'a worker ended before it listened'))
      resolve(undefined)
    }
    child.once('exit', end)
    child.once('error', () => {
      if (child.pid === undefined)
        end() // it never began
      else this.kill()
    })
    return promise
  }

  async #inTime(start: Promise<WorkerStart>): Promise<WorkerStart> {
    const timer = setTimeout(() => {
      this.kill()
    }, START_MS)
    try {
      return await start
    } finally {
      clearTimeout(timer)
    }
  }

  /** A worker that does not answer may still be admitting: it is ended. */
  async #sure<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer
    } catch {
      if (this.hasJoined) this.#log.error('worker_unresponsive', { worker: this.name })
      this.kill()
      return undefined
    }
  }

  async #report() {
    return this.#channel.ask('report').catch(() => undefined)
  }
}

/** A message that cannot be sent is one that gets no answer. */
const sent = (): void => undefined
