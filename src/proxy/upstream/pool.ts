/**
 * Connections to upstreams: one pool per service, credential and origin, so that an answer meant
 * for one credential can never come out of another's connection (CE-14).
 *
 * undici's dispatch writes the path as it is given, follows no redirect and retries nothing. Only
 * the given `Dial` opens sockets: it checks addresses and certificates.
 */

import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { Dial, DialTarget } from '../../base/dial.ts'
import { upstreamFailure } from './failure.ts'
import type { Failure } from '../../base/errors.ts'

export interface UpstreamLimits {
  readonly connectTimeoutMs: number
  /** From the request's last byte to the answer's head. */
  readonly headTimeoutMs: number
  /** Longest silence inside an answer. */
  readonly bodyIdleTimeoutMs: number
  readonly connectionsPerPool: number
  readonly maxHeaderBytes: number
}

/** Where a request goes, and as whom. Quickest when the same destination is the same object. */
export interface Destination {
  readonly service: string
  /** Name of the credential; the empty string for none. */
  readonly credential: string
  /** `https://api.stripe.com` */
  readonly origin: string
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
}

export interface UpstreamRequest {
  readonly method: string
  /** Path and query, written to the wire byte for byte. */
  readonly path: string
  /** Names and values alternate; Host among them, Content-Length where it is known. */
  readonly headers: string[]
  readonly body: Buffer | AsyncIterable<Buffer> | undefined
}

/** Who hears what the upstream says. After `onEnd` or `onFailure` nothing more is called. */
export interface AnswerListener {
  /** The head of the final answer; names and values alternate. False pauses. */
  onHead(status: number, reason: string, headers: readonly Buffer[]): boolean
  /** False pauses until `resume`. */
  onChunk(chunk: Buffer): boolean
  onEnd(): void
  onFailure(failure: Failure): void
}

/** A request under way. */
export interface Call {
  resume(): void
  /** Idempotent; the connection is destroyed, and the listener hears nothing more. */
  abort(): void
}

export interface Upstreams {
  send(destination: Destination, request: UpstreamRequest, listener: AnswerListener): Call
  /** Ends every connection. */
  close(): Promise<void>
}

export interface UpstreamParts {
  readonly dial: Dial
  readonly limits: UpstreamLimits
}

interface Entry {
  readonly destination: Destination
  readonly pool: Pool
}

/** Builds the pools; each connects when it is first used. */
export function createUpstreams({ dial, limits }: UpstreamParts): Upstreams {
  const entries = new Map<string, Entry>()
  const pools = new WeakMap<Destination, Pool>()

  function poolOf(destination: Destination): Pool {
    let pool = pools.get(destination)
    if (!pool) pools.set(destination, (pool = openPool(destination)))
    return pool
  }

  function openPool(destination: Destination): Pool {
    const key = `${destination.service} ${destination.credential} ${destination.origin}`
    const known = entries.get(key)
    if (known && hasSameTrust(known.destination, destination)) return known.pool
    // A reload changed the certificates to trust: what is open was judged by the old ones.
    if (known) void known.pool.close()
    const pool = createPool(destination, { dial, limits })
    entries.set(key, { destination, pool })
    return pool
  }

  return {
    send(destination, request, listener) {
      const call = new PooledCall(listener)
      const body = (request.body ?? null) as Buffer | null // iterables are fine; its types forgot
      const { method, path, headers } = request
      poolOf(destination).dispatch({ method, path, headers, body }, call)
      return call
    },

    async close() {
      const open = [...entries.values()]
      entries.clear()
      await Promise.all(open.map(({ pool }) => pool.destroy()))
    },
  }
}

function hasSameTrust(one: Destination, other: Destination): boolean {
  return one.ca === other.ca && one.allowPrivateAddress === other.allowPrivateAddress
}

function createPool(destination: Destination, { dial, limits }: UpstreamParts): Pool {
  const target = dialTarget(destination, limits)
  return new Pool(destination.origin, {
    connections: limits.connectionsPerPool,
    pipelining: 1,
    headersTimeout: limits.headTimeoutMs,
    bodyTimeout: limits.bodyIdleTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    strictContentLength: true,
    connect: (_options, callback) => {
      dial(target).then(
        (socket) => {
          callback(null, socket)
        },
        (error: unknown) => {
          callback(upstreamFailure(error), null)
        },
      )
    },
  })
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

/** Translates undici's callbacks, and makes `abort` work before there is a connection. */
class PooledCall implements Call, Dispatcher.DispatchHandler {
  readonly #listener: AnswerListener
  #resume: (() => void) | undefined
  #abort: ((error?: Error) => void) | undefined
  #isOver = false

  constructor(listener: AnswerListener) {
    this.#listener = listener
  }

  resume(): void {
    this.#resume?.()
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#abort?.()
  }

  /** Called right before the request is written: the last moment to keep it from leaving. */
  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    if (this.#isOver) abort()
  }

  // eslint-disable-next-line max-params -- undici's signature
  onHeaders(status: number, headers: Buffer[], resume: () => void, reason: string): boolean {
    if (status < 200) return true // interim answers stay here
    this.#resume = resume
    return this.#listener.onHead(status, reason, headers)
  }

  onData(chunk: Buffer): boolean {
    return this.#listener.onChunk(chunk)
  }

  onComplete(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.onEnd()
  }

  onError(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.onFailure(upstreamFailure(error))
  }
}
