/** The data plane in several processes behind one port: started, kept alive, spoken to as one. */

import { createServer, type AddressInfo } from 'node:net'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { formatAddress } from '../config/address.ts'
import { createBackoff } from '../fleet/backoff.ts'
import type { BoundListener } from '../fleet/calls.ts'
import { gatesOf } from '../fleet/gates.ts'
import type { DrainReport } from '../proxy/data-plane.ts'
import { DEFAULT_LIMITS } from '../proxy/limits.ts'
import { packToken } from '../secret/handed-token.ts'
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
  const asked = listenAddresses(parts.settings.current.config)
  const workers = new Workers(parts, await withPorts(asked))
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
  readonly #addresses: readonly ListenAddress[]
  #isStopping = false

  constructor(parts: WorkersParts, addresses: readonly ListenAddress[]) {
    this.#parts = parts
    this.#calls = sharedCalls(parts.state)
    this.#addresses = addresses
  }

  async start(): Promise<readonly BoundListener[]> {
    const starts = writersOf(this.#parts.orders).map((name) => this.#keep(name))
    const [first] = await Promise.all(starts)
    return first?.listeners ?? []
  }

  asDataSide(listeners: readonly BoundListener[]): DataSide {
    const { state } = this.#parts
    const all = () => [...this.#live.values()]
    return {
      listeners,
      gates: gatesOf(state.gate, () => all().filter(({ hasJoined }) => hasJoined)),
      checks: () => this.#checks(),
      async forget(name) {
        state.credentials.forget(name)
        const joined = all().filter(({ hasJoined }) => hasJoined)
        await Promise.all(joined.map((worker) => worker.forget(name)))
      },
      async secretStates() {
        const joined = all().filter(({ hasJoined }) => hasJoined)
        const states = await Promise.all(joined.map((worker) => worker.states()))
        return [...states.flat(), ...state.credentials.tokenStates()]
      },
      reload: () => this.#reload(),
      close: (graceMs) => this.stop(graceMs),
    }
  }

  /** Each worker by name, and whether any of them serves. */
  async #checks(): Promise<Record<string, boolean>> {
    const names = writersOf(this.#parts.orders)
    const works = await Promise.all(
      names.map(async (name) => (await this.#live.get(name)?.works()) ?? false),
    )
    const named = names.map((name, index) => [name, works[index] ?? false] as const)
    return { data: works.includes(true), ...Object.fromEntries(named) }
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
    const begin = async (): Promise<WorkerStart> => {
      const bornAt = performance.now()
      const worker = this.#fork(name)
      void worker.ended.then(() => {
        this.#live.delete(name)
        if (this.#isStopping) return
        const retryInMs = backoff.next(performance.now() - bornAt)
        this.#parts.log.error('worker_ended', { worker: name, pid: worker.pid, retryInMs })
        setTimeout(succeed, retryInMs).unref()
      })
      const start = await worker.started
      this.#parts.log.info('worker_started', { worker: name, pid: worker.pid })
      return start
    }
    const succeed = (): void => {
      if (!this.#isStopping) void this.#follow(name, begin())
    }
    return begin()
  }

  /** What to do once a successor has started, or has not. */
  async #follow(name: string, started: Promise<WorkerStart>): Promise<void> {
    const { log, onOtherFiles } = this.#parts
    try {
      const { catalogDigest } = await started
      if (!this.#isInForce(catalogDigest)) onOtherFiles()
    } catch (error) {
      const problem = error instanceof Error ? error.message : undefined
      if (!this.#isStopping) log.error('worker_not_started', { worker: name, problem })
    }
  }

  #fork(writer: string): WorkerProcess {
    const { orders, state, log } = this.#parts
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
    const { settings, state, log } = this.#parts
    for (const name of settings.current.references.keys()) state.credentials.forget(name)
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

/** The names of all workers, which are those of their journals. */
function writersOf({ workers }: Pick<Orders, 'workers'>): readonly string[] {
  return Array.from({ length: workers }, (_, index) => workerWriter(index + 1))
}

/** What is one for all workers: the database, the memory of proofs, what was opened of secrets. */
function sharedCalls({ stores, versions, credentials }: OpenState): SharedCalls {
  const { grants, revocations, sealed } = stores
  const replay = createReplay(DEFAULT_LIMITS.rememberedProofs)
  return {
    join: () => revocations.since(0),
    findByDigest: (digest) => grants.findByDigest(digest),
    findById: (id) => grants.findById(id),
    bindAddress: (id, address) => grants.bindAddress(id, address),
    touch: (lastUsed) => grants.touch(lastUsed),
    reserve: (id, count) => grants.reserve(id, count),
    findSealed: async (name) => ({
      secret: await sealed.find(name),
      floor: versions.highest(name),
    }),
    raiseFloor: (name, version) => versions.raise(name, version),
    takeToken: async (name, refused) => packToken(await credentials.desk.take(name, refused)),
    claimProof: async (proofId, expiresAt, now) => replay.claim(proofId, expiresAt, now),
  }
}

/**
 * Addresses with ports: one that the system chooses is chosen once, for all workers and for their
 * successors. It is free until they listen, so that it suits tests and a developer's machine.
 */
async function withPorts(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
  const held = await Promise.all(addresses.map(holdPort))
  return Promise.all(held.map((release) => release()))
}

async function holdPort(address: ListenAddress): Promise<() => Promise<ListenAddress>> {
  if (address.port !== 0) return async () => address
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', () => {
    reject(new Failure('listen_failed', `cannot listen on ${formatAddress(address)}`))
  })
  server.listen({ host: address.host, port: 0 }, () => {
    resolve(undefined)
  })
  await promise
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return () =>
    new Promise((released) => {
      server.close(() => {
        released({ ...address, port })
      })
    })
}
