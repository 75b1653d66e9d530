/** The data plane in several processes behind one port: started, kept alive, spoken to as one. */

import type { Log } from '../base/log.ts'
import { parseAddress } from '../config/address.ts'
import { createBackoff } from '../fleet/backoff.ts'
import type { BoundListener } from '../fleet/calls.ts'
import { gatesOf } from '../fleet/gates.ts'
import type { DrainReport } from '../proxy/data-plane.ts'
import { DEFAULT_LIMITS } from '../proxy/limits.ts'
import { createReplay } from '../token/replay.ts'
import { listenAddresses, type DataSide, type ListenAddress } from './data-side.ts'
import type { Orders } from './orders.ts'
import type { LiveSettings } from './settings.ts'
import { workerWriter, type OpenState } from './state.ts'
import {
  prepareWorkers,
  WorkerProcess,
  type SharedCalls,
  type WorkerStart,
} from './worker-process.ts'

export interface WorkersParts {
  readonly settings: LiveSettings
  readonly state: OpenState
  readonly orders: Pick<Orders, 'settings' | 'state' | 'isVerbose' | 'workers'>
  readonly log: Log
  /** A worker that started later has read other files than are in force. */
  readonly onOtherFiles: () => void
}

/** Starts all of them; throws the failure of the first that could not, with none left. */
export async function startWorkers(parts: WorkersParts): Promise<DataSide> {
  prepareWorkers()
  const workers = new Workers(parts)
  try {
    const listeners = await workers.start()
    return workers.asDataSide(listeners)
  } catch (error) {
    await workers.stop(0)
    throw error
  }
}

class Workers {
  readonly #parts: WorkersParts
  readonly #calls: SharedCalls
  /** Those whose process lives, by name. */
  readonly #live = new Map<string, WorkerProcess>()
  #addresses: readonly ListenAddress[]
  #bound: readonly ListenAddress[] | undefined
  #isStopping = false

  constructor(parts: WorkersParts) {
    this.#parts = parts
    this.#calls = sharedCalls(parts.state)
    this.#addresses = listenAddresses(parts.settings.current.config)
  }

  async start(): Promise<readonly BoundListener[]> {
    const { workers } = this.#parts.orders
    const starts = Array.from({ length: workers }, (_, index) =>
      this.#keep(workerWriter(index + 1)),
    )
    const [first] = await Promise.all(starts)
    this.#bound = first && boundAddresses(this.#addresses, first.listeners)
    return first?.listeners ?? []
  }

  asDataSide(listeners: readonly BoundListener[]): DataSide {
    const { state, orders } = this.#parts
    const all = () => [...this.#live.values()]
    return {
      listeners,
      gates: gatesOf(state.gate, () => all().filter(({ hasJoined }) => hasJoined)),
      async checks() {
        const works = await Promise.all(all().map((worker) => worker.works()))
        const up = works.filter((yes) => yes).length
        return { data: up > 0, workers: up === orders.workers }
      },
      async forget(name) {
        const joined = all().filter(({ hasJoined }) => hasJoined)
        await Promise.all(joined.map((worker) => worker.forget(name)))
      },
      reload: () => this.#reload(),
      close: (graceMs) => this.stop(graceMs),
    }
  }

  async stop(graceMs: number): Promise<DrainReport> {
    this.#isStopping = true
    const reports = await Promise.all(
      [...this.#live.values()].map((worker) => worker.stop(graceMs)),
    )
    return {
      finished: reports.reduce((sum, { finished }) => sum + finished, 0),
      cut: reports.reduce((sum, { cut }) => sum + cut, 0),
    }
  }

  /** One worker of this name, and after it another; resolves with how the first one started. */
  #keep(name: string): Promise<WorkerStart> {
    const backoff = createBackoff()
    const begin = (): Promise<WorkerStart> => {
      const startedAt = performance.now()
      const worker = this.#fork(name)
      void worker.ended.then(() => {
        this.#live.delete(name)
        if (this.#isStopping) return
        const retryInMs = backoff.next(performance.now() - startedAt)
        this.#parts.log.error('worker_ended', { worker: name, pid: worker.pid, retryInMs })
        setTimeout(succeed, retryInMs)
      })
      return worker.started
    }
    const succeed = (): void => {
      if (this.#isStopping) return
      begin().then(
        ({ catalogDigest }) => {
          this.#parts.log.info('worker_replaced', { worker: name })
          if (!this.#isInForce(catalogDigest)) this.#parts.onOtherFiles()
        },
        (error: unknown) => {
          const problem = error instanceof Error ? error.message : undefined
          this.#parts.log.error('worker_not_started', { worker: name, problem })
        },
      )
    }
    return begin()
  }

  #fork(writer: string): WorkerProcess {
    const { orders, state, log } = this.#parts
    // The listeners live as long as a worker does: port 0 must not become another port.
    if (this.#live.size === 0 && this.#bound) this.#addresses = this.#bound
    const worker = new WorkerProcess({
      orders: { ...orders, writer, sources: state.sources, addresses: this.#addresses },
      calls: this.#calls,
      log,
    })
    this.#live.set(writer, worker)
    return worker
  }

  /** A worker that cannot follow is let go, so that nobody serves by old files. */
  async #reload(): Promise<void> {
    const { settings, log } = this.#parts
    const graceMs = settings.current.config.limits.stopGraceSeconds * 1000
    await Promise.all(
      [...this.#live.values()].map(async (worker) => {
        if (!worker.isReady || this.#isInForce(await worker.reload())) return
        log.error('worker_reload_failed', { worker: worker.name })
        await worker.stop(graceMs)
      }),
    )
  }

  #isInForce(catalogDigest: string | undefined): boolean {
    return catalogDigest === this.#parts.settings.current.catalog.digest
  }
}

/** What is one for all workers: the database, the memory of proofs, what was opened of secrets. */
function sharedCalls({ stores, versions }: OpenState): SharedCalls {
  const { grants, revocations, sealed } = stores
  const replay = createReplay(DEFAULT_LIMITS.rememberedProofs)
  return {
    join: () => revocations.since(0),
    findByDigest: (digest) => grants.findByDigest(digest),
    bindAddress: (id, address) => grants.bindAddress(id, address),
    touch: (lastUsed) => grants.touch(lastUsed),
    reserve: (id, count) => grants.reserve(id, count),
    findSealed: async (name) => ({
      secret: await sealed.find(name),
      floor: versions.highest(name),
    }),
    raiseFloor: (name, version) => versions.raise(name, version),
    claimProof: async (proofId, expiresAt, now) => replay.claim(proofId, expiresAt, now),
  }
}

function boundAddresses(
  asked: readonly ListenAddress[],
  bound: readonly BoundListener[],
): readonly ListenAddress[] {
  return asked.map((address, index) => ({
    ...address,
    port: parseAddress(bound[index]?.address ?? '')?.port ?? address.port,
  }))
}
