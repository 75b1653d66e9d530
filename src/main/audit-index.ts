/** The audit's index as the server sees it: a thread, which is started again should it die. */

import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { AuditIndex, IndexStatus } from '../audit/audit-index.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createBackoff } from '../fleet/backoff.ts'
import { createChannel, type Channel } from '../fleet/channel.ts'
import type { KeyedFinding } from '../insight/alert.ts'
import type { AuditServerCalls, AuditThreadCalls, AuditThreadOrders } from './audit-calls.ts'

export type TakeFindings = (findings: readonly KeyedFinding[]) => Promise<void>

export interface ThreadedAuditIndex extends AuditIndex {
  /** Who keeps what the watch finds; until there is somebody, findings wait in the index. */
  follow(take: TakeFindings): void
  close(): Promise<void>
}

export interface AuditIndexParts extends AuditThreadOrders {
  readonly log: Log
}

const ANSWER_MS = 30_000
/** For a batch and a query's slice to end; then the thread is ended where it stands. */
const CLOSE_MS = 3000

export function openAuditIndex(parts: AuditIndexParts): ThreadedAuditIndex {
  return new IndexThread(parts)
}

class IndexThread implements ThreadedAuditIndex {
  readonly #parts: AuditIndexParts
  readonly #backoff = createBackoff()
  readonly #consumer = Promise.withResolvers<TakeFindings>()
  #worker: Worker | undefined
  #channel: Channel<AuditThreadCalls> | undefined
  #restart: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(parts: AuditIndexParts) {
    this.#parts = parts
    this.#start()
  }

  query: AuditIndex['query'] = async (query) => this.#running.ask('query', query)
  activity: AuditIndex['activity'] = async (query) => this.#running.ask('activity', query)
  counts: AuditIndex['counts'] = async (query) => this.#running.ask('counts', query)
  rebuild: AuditIndex['rebuild'] = async () => this.#running.ask('rebuild')

  async status(): Promise<IndexStatus> {
    return this.#channel ? await this.#channel.ask('status') : STOPPED
  }

  follow(take: TakeFindings): void {
    this.#consumer.resolve(take)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#restart)
    await this.#channel
      ?.within(CLOSE_MS)
      .ask('close')
      .catch(() => undefined)
    await this.#worker?.terminate()
  }

  get #running(): Channel<AuditThreadCalls> {
    if (this.#channel) return this.#channel
    throw new Failure('database_unavailable', 'the index of the audit is being started again')
  }

  #start(): void {
    const bornAt = performance.now()
    const { log, directory, path, watch } = this.#parts
    const orders: AuditThreadOrders = { directory, path, watch }
    // Beside this file, as source or compiled.
    const entry = join(import.meta.dirname, `audit-thread${extname(import.meta.filename)}`)
    const worker = new Worker(entry, { workerData: orders, env: {}, name: 'audit-index' })
    const channel = createChannel<AuditThreadCalls, AuditServerCalls>({
      send: (message) => {
        worker.postMessage(message)
      },
      calls: {
        log: async (level, event, fields) => {
          log[level](event, fields)
        },
        found: async (findings) => (await this.#consumer.promise)(findings),
      },
      timeoutMs: ANSWER_MS,
    })
    worker.on('message', (message) => {
      channel.receive(message)
    })
    worker.on('error', (error) => {
      log.error('audit_index_thread_failed', { name: error instanceof Error ? error.name : '' })
    })
    worker.once('exit', () => {
      channel.end()
      this.#replace(performance.now() - bornAt)
    })
    this.#worker = worker
    this.#channel = channel
  }

  #replace(livedMs: number): void {
    this.#channel = undefined
    if (this.#isClosed) return
    const retryInMs = this.#backoff.next(livedMs)
    this.#parts.log.warn('audit_index_restarts', { retryInMs })
    this.#restart = setTimeout(() => {
      this.#start()
    }, retryInMs)
  }
}

const STOPPED: IndexStatus = {
  records: 0,
  newestAt: undefined,
  behindBytes: 0,
  isRebuilding: false,
  problem: 'it is being started again',
}
