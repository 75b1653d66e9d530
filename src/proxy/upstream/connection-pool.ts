/**
 * The connections of one service, credential and origin, so that an answer meant for one
 * credential can never come out of another's connection (CE-14). Calls wait in one queue; each
 * connection that is dialled or comes free takes the first of them.
 */

import type { Socket } from 'node:net'
import type { Dial, DialTarget } from '../../base/dial.ts'
import type { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Breaker } from './breaker.ts'
import type { CallOwner, UpstreamCall } from './call.ts'
import { Connection } from './connection.ts'
import type { ConnectionOwner } from './connection.ts'
import {
  broken,
  circuitOpen,
  dialFailure,
  overloaded,
  stopping,
  tellsOfUpstream,
} from './failures.ts'
import type { UpstreamLimits } from './limits.ts'
import type { RestingPlace } from './resting.ts'
import type { Destination } from './upstream.ts'
import { WaitQueue } from './wait-queue.ts'

export interface PoolParts {
  readonly dial: Dial
  readonly limits: UpstreamLimits
  readonly now: () => number
  readonly log: Log
  /** Of this service and origin, over all credentials. */
  readonly breaker: Breaker
  readonly restingPlace: RestingPlace<Connection>
}

export interface PoolCounts {
  readonly open: number
  readonly idle: number
  readonly waiting: number
}

export class ConnectionPool implements CallOwner, ConnectionOwner {
  readonly destination: Destination
  readonly limits: UpstreamLimits
  readonly now: () => number
  readonly #parts: PoolParts
  readonly #target: DialTarget
  readonly #connections = new Set<Connection>()
  /** Used last, taken first: what is not needed stays unused and ages. */
  readonly #idle: Connection[] = []
  readonly #waiting = new WaitQueue<UpstreamCall>()
  readonly #dials = new Set<AbortController>()
  #restingCount = 0
  #isRetired = false
  #isClosed = false

  constructor(destination: Destination, parts: PoolParts) {
    this.destination = destination
    this.limits = parts.limits
    this.now = parts.now
    this.#parts = parts
    this.#target = dialTarget(destination, parts.limits)
  }

  get isRetired(): boolean {
    return this.#isRetired
  }

  get counts(): PoolCounts {
    return {
      open: this.#connections.size + this.#dials.size,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
    }
  }

  /** Sends the call's request now or as soon as there is a connection for it. */
  start(call: UpstreamCall): void {
    const { breaker } = this.#parts
    const waitMs = breaker.admit(this.now())
    if (waitMs > 0 || this.#isClosed) {
      call.failSoon(this.#isClosed ? stopping() : circuitOpen(waitMs))
      return
    }
    call.isProbe = breaker.state === 'probing'
    const connection = this.#takeIdle()
    if (connection) connection.carry(call)
    else this.#enqueue(call)
  }

  /** Nothing new runs over its connections; what is under way goes on to its end. */
  retire(): void {
    this.#isRetired = true
    for (const connection of this.#idle.splice(0)) connection.retire()
  }

  /** Ends everything; the sockets that are still closing. */
  close(): Socket[] {
    this.#isRetired = true
    this.#isClosed = true
    for (const dial of this.#dials) dial.abort()
    this.#failWaiting(stopping())
    const connections = [...this.#connections]
    for (const connection of connections) connection.fail(stopping())
    return connections.map(({ socket }) => socket).filter(({ closed }) => !closed)
  }

  /** Ends what has been silent, unused or waiting for too long. */
  sweep(now: number): void {
    for (const connection of this.#idle.filter(({ idleUntil }) => idleUntil <= now)) {
      connection.retire()
    }
    for (const connection of this.#connections) connection.checkTime(now)
    const oldest = now - this.limits.queueTimeoutMs
    for (let call = this.#waiting.first; call !== undefined; call = this.#waiting.first) {
      if (call.queuedAt > oldest) break
      this.#waiting.remove(call)
      call.fail(overloaded())
    }
  }

  callAnswered(): void {
    this.#parts.breaker.succeed()
  }

  callFailed(call: UpstreamCall, failure: Failure): void {
    if (tellsOfUpstream(failure)) this.#countFailure()
    else if (call.isProbe) this.#parts.breaker.abandon()
  }

  callAborted(call: UpstreamCall): void {
    this.#waiting.remove(call)
    if (call.isProbe && !call.isAnswered) this.#parts.breaker.abandon()
  }

  released(connection: Connection): void {
    if (this.#isRetired && this.#waiting.size === 0) {
      connection.retire()
      return
    }
    this.#restingCount += 1
    this.#parts.restingPlace.take(connection)
  }

  rested(connection: Connection): void {
    this.#restingCount -= 1
    if (connection.isUsable) this.#offer(connection)
    else connection.destroy()
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    this.#dialForWaiting()
  }

  retry(call: UpstreamCall): void {
    call.carrier = undefined
    call.wasRetried = true
    void this.#dial(call)
  }

  #takeIdle(): Connection | undefined {
    const now = this.now()
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.isUsable && last.idleUntil > now) return last
      last.destroy()
    }
    return undefined
  }

  #enqueue(call: UpstreamCall): void {
    const promised = this.#dials.size + this.#restingCount + this.#free
    if (this.#waiting.size - promised >= this.limits.maxQueued) {
      call.failSoon(overloaded())
      return
    }
    call.queuedAt = this.now()
    this.#waiting.push(call)
    this.#dialForWaiting()
  }

  get #free(): number {
    return this.limits.connectionsPerPool - this.#connections.size - this.#dials.size
  }

  #dialForWaiting(): void {
    if (this.#isClosed) return
    while (this.#waiting.size > this.#dials.size + this.#restingCount && this.#free > 0) {
      void this.#dial()
    }
  }

  /** For this call, or for whoever waits first when it is done. Never rejects. */
  async #dial(caller?: UpstreamCall): Promise<void> {
    const abort = new AbortController()
    this.#dials.add(abort)
    try {
      const socket = await this.#parts.dial({ ...this.#target, signal: abort.signal })
      this.#dials.delete(abort)
      this.#connected(socket, caller)
    } catch (error) {
      this.#dials.delete(abort)
      this.#failDial(dialFailure(error), caller)
    }
  }

  #connected(socket: Socket, caller: UpstreamCall | undefined): void {
    if (this.#isClosed || socket.destroyed) {
      socket.destroy()
      this.#failDial(this.#isClosed ? stopping() : broken(), caller)
      return
    }
    const connection = new Connection(socket, this)
    connection.idleUntil = this.now() + this.limits.idleTimeoutMs
    this.#connections.add(connection)
    if (caller === undefined || caller.isOver) this.#offer(connection)
    else connection.carry(caller)
  }

  #failDial(failure: Failure, caller: UpstreamCall | undefined): void {
    const call = caller ?? this.#waiting.shift()
    if (call && !call.isOver) call.fail(failure)
    else if (tellsOfUpstream(failure)) this.#countFailure()
    this.#dialForWaiting()
  }

  #offer(connection: Connection): void {
    const call = this.#waiting.shift()
    if (call) connection.carry(call)
    else if (this.#isRetired) connection.retire()
    else this.#idle.push(connection)
  }

  #countFailure(): void {
    if (this.#isClosed) return // it was us
    const { breaker, log } = this.#parts
    const now = this.now()
    if (!breaker.fail(now)) return
    const { service, origin } = this.destination
    log.warn('upstream_circuit_open', { service, origin })
    this.#failWaiting(circuitOpen(breaker.admit(now)))
  }

  #failWaiting(failure: Failure): void {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      call.fail(failure)
    }
  }
}

function dialTarget(destination: Destination, { connectTimeoutMs }: UpstreamLimits): DialTarget {
  const url = new URL(destination.origin)
  const protocol = url.protocol === 'http:' ? 'http:' : 'https:'
  return {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (protocol === 'http:' ? 80 : 443),
    ...(destination.ca === undefined ? {} : { ca: destination.ca }),
    allowPrivateAddress: destination.allowPrivateAddress,
    connectTimeoutMs,
  }
}
