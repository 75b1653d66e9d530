/**
 * All connections to upstreams, one pool per service, credential and origin (CE-14). The path is
 * written as it is given, no redirect is followed, and only a request that certainly was not taken
 * is sent twice. Only the given `Dial` opens sockets: it checks addresses and certificates.
 */

import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { sweepIntervalMs } from '../../base/clock.ts'
import type { Dial } from '../../base/dial.ts'
import { silentLog } from '../../base/log.ts'
import type { Log } from '../../base/log.ts'
import { Breaker } from './breaker.ts'
import { UpstreamCall } from './call.ts'
import type { Connection } from './connection.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { PoolCounts } from './connection-pool.ts'
import type { UpstreamLimits } from './limits.ts'
import { RestingPlace } from './resting.ts'
import type { AnswerListener, Call, Destination, UpstreamRequest, Upstreams } from './upstream.ts'

export interface UpstreamParts {
  readonly dial: Dial
  readonly limits: UpstreamLimits
  /** Milliseconds that never go back. */
  readonly now?: () => number
  readonly log?: Log
}

export interface UpstreamCounts extends PoolCounts {
  readonly openCircuits: number
}

export interface CountedUpstreams extends Upstreams {
  /** For metrics, over all pools. */
  counts(): UpstreamCounts
}

/** Builds the pools; each connects when it is first used. */
export function createUpstreams(parts: UpstreamParts): CountedUpstreams {
  return new Pools(parts)
}

class Pools implements CountedUpstreams {
  readonly #parts: Required<UpstreamParts>
  readonly #restingPlace = new RestingPlace<Connection>()
  readonly #byDestination = new WeakMap<Destination, ConnectionPool>()
  readonly #byKey = new Map<string, ConnectionPool>()
  /** Replaced by a reload, and not empty yet. */
  readonly #retired = new Set<ConnectionPool>()
  readonly #breakers = new Map<string, Breaker>()
  readonly #sweeper: NodeJS.Timeout
  #isClosed = false

  constructor(parts: UpstreamParts) {
    this.#parts = { now: () => performance.now(), log: silentLog, ...parts }
    this.#sweeper = setInterval(() => {
      // After the process stood still, what arrived meanwhile is read before anyone is judged.
      setImmediate(this.#sweep)
    }, sweepMs(parts.limits)).unref()
  }

  send(destination: Destination, request: UpstreamRequest, listener: AnswerListener): Call {
    const pool = this.#poolOf(destination)
    const call = new UpstreamCall(request, listener, pool)
    pool.start(call)
    return call
  }

  counts(): UpstreamCounts {
    const counts = { open: 0, idle: 0, waiting: 0, openCircuits: 0 }
    for (const pool of [...this.#byKey.values(), ...this.#retired]) {
      const { open, idle, waiting } = pool.counts
      counts.open += open
      counts.idle += idle
      counts.waiting += waiting
    }
    for (const { state } of this.#breakers.values())
      counts.openCircuits += state === 'closed' ? 0 : 1
    return counts
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#sweeper)
    const sockets = [...this.#byKey.values(), ...this.#retired].flatMap((pool) => pool.close())
    await Promise.all(sockets.map((socket) => once(socket, 'close')))
  }

  #poolOf(destination: Destination): ConnectionPool {
    const known = this.#byDestination.get(destination)
    if (known && !known.isRetired) return known
    const pool = this.#openPool(destination)
    this.#byDestination.set(destination, pool)
    return pool
  }

  #openPool(destination: Destination): ConnectionPool {
    const { service, credential, origin } = destination
    const key = `${service}\n${credential}\n${origin}`
    const known = this.#byKey.get(key)
    if (known && hasSameTrust(known.destination, destination)) return known
    // A reload changed the certificates to trust: what is open was judged by the old ones.
    if (known) {
      known.retire()
      this.#retired.add(known)
    }
    const pool = new ConnectionPool(destination, {
      ...this.#parts,
      breaker: this.#breakerOf(`${service}\n${origin}`),
      restingPlace: this.#restingPlace,
    })
    this.#byKey.set(key, pool)
    if (this.#isClosed) pool.close()
    return pool
  }

  #breakerOf(key: string): Breaker {
    let breaker = this.#breakers.get(key)
    if (!breaker) this.#breakers.set(key, (breaker = new Breaker(this.#parts.limits.breaker)))
    return breaker
  }

  readonly #sweep = (): void => {
    const now = this.#parts.now()
    for (const pool of this.#byKey.values()) pool.sweep(now)
    for (const pool of this.#retired) {
      pool.sweep(now)
      const { open, waiting } = pool.counts
      if (open + waiting === 0) this.#retired.delete(pool)
    }
  }
}

/** One timer for every timeout. */
function sweepMs(limits: UpstreamLimits): number {
  const { headTimeoutMs, bodyIdleTimeoutMs, writeTimeoutMs, queueTimeoutMs, idleTimeoutMs } = limits
  const waiting = [writeTimeoutMs, queueTimeoutMs, idleTimeoutMs]
  return sweepIntervalMs(1_000, [headTimeoutMs, bodyIdleTimeoutMs, ...waiting])
}

function hasSameTrust(one: Destination, other: Destination): boolean {
  return one.ca === other.ca && one.allowPrivateAddress === other.allowPrivateAddress
}
