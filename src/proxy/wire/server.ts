/**
 * A listener of the data plane: takes connections while there is room, ends TLS, and keeps what is
 * open so that a stop can wait for it or end it.
 */

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { performance } from 'node:perf_hooks'
import { sweepIntervalMs, type Now } from '../../base/clock.ts'
import type { WireLimits } from '../limits.ts'
import { Connection, type ConnectionParts } from './connection.ts'
import type { ConnectionCount } from './connection-limits.ts'
import { formatAuthority, listenFailure } from './listening.ts'
import { takeProxyHeader } from './proxied.ts'
import type { IsTrusted, SourceReader } from './source.ts'
import { formatAnswer } from './reply.ts'
import type { Listener, Malformed, WireAnswer, WireReply, WireRequest } from './message.ts'

/** A certificate chain and its key, as PEM. */
export interface TlsPair {
  readonly cert: string
  readonly key: string
}

export interface ListenerSettings {
  readonly host: string
  readonly port: number
  /** The only service of a port of its own. */
  readonly service?: string
  /** Without it the listener speaks plaintext. */
  readonly tls?: TlsPair
}

/** The load balancers in front of us. */
export interface TrustedProxies {
  readonly isTrusted: IsTrusted
  readonly sourceOf: SourceReader
  /** Their connections begin with a PROXY protocol header. */
  readonly sayFirst: boolean
}

export interface WireParts {
  readonly settings: ListenerSettings
  readonly limits: WireLimits
  /** Shared by all listeners. */
  readonly open: ConnectionCount
  readonly proxies?: TrustedProxies
  readonly now: Now
  readonly serve: (request: WireRequest, reply: WireReply) => void
  readonly reject: (malformed: Malformed) => WireAnswer
}

export interface WireServer {
  listen(): Promise<Listener>
  /** Requests that are not answered to their end. */
  readonly inFlight: number
  /** Serves another certificate from the next handshake on; throws what is wrong with it. */
  renewTls(tls: TlsPair): void
  /** Takes no new connection and no further request on those that are open. */
  drain(): void
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>
  /** Ends what is left; resolves when every connection is closed. */
  close(): Promise<void>
}

/** Words for that many at a time: whoever floods us is not to hold descriptors by it. */
const MAX_SHEDDING = 256

/** Silence after which the system asks whether a client is still there: all that ends a tunnel. */
const KEEP_ALIVE_MS = 60_000

/** Builds one listener; nothing happens before `listen`. */
export function createWireServer(parts: WireParts): WireServer {
  return new SocketServer(parts)
}

class SocketServer implements WireServer {
  readonly #parts: WireParts
  readonly #acceptor: Server
  readonly #tls: TlsServer | undefined
  /** From the moment they are accepted: a handshake may take its time. */
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Set<Connection>()
  /** Sources by connection, for the socket that comes out of its handshake. */
  readonly #handshakes = new Map<string, string>()
  readonly #shared: ConnectionParts
  readonly #clock = { now: performance.now() }
  #sweeper: NodeJS.Timeout | undefined
  #listener: Listener
  #isDraining = false
  #inFlight = 0
  /** Connections that are being told that there is no room for them. */
  #shedding = 0
  readonly #idlers: (() => void)[] = []

  constructor(parts: WireParts) {
    const { settings, limits } = parts
    this.#parts = parts
    this.#listener = {
      address: formatAuthority(settings.host, settings.port),
      service: settings.service,
      isSecure: settings.tls !== undefined,
    }
    this.#shared = this.#sharedParts()
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
    this.#acceptor = createServer({ allowHalfOpen: true, noDelay: true, ...keepAlive })
    this.#acceptor.on('connection', this.#accept)
    if (!settings.tls) return
    this.#tls = createTls(settings.tls, limits, (socket) => {
      this.#begin(socket, this.#handshakes.get(nameOf(socket)) ?? peerOf(socket))
    })
  }

  listen(): Promise<Listener> {
    const { host, port } = this.#parts.settings
    return new Promise((resolve, reject) => {
      this.#acceptor.once('error', (error) => {
        reject(listenFailure(this.#listener.address, error))
      })
      this.#acceptor.listen({ host, port }, () => {
        const bound = this.#acceptor.address() as AddressInfo // a TCP server that listens has one
        this.#listener = { ...this.#listener, address: formatAuthority(host, bound.port) }
        // No descriptor left for a connection, say: the next one may fit again.
        this.#acceptor.on('error', () => undefined)
        this.#sweeper = setInterval(this.#sweep, sweepMs(this.#parts.limits)).unref()
        resolve(this.#listener)
      })
    })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  renewTls({ cert, key }: TlsPair): void {
    this.#tls?.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  }

  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idlers.push(resolve))
  }

  drain(): void {
    this.#isDraining = true
    if (this.#acceptor.listening) this.#acceptor.close()
    for (const connection of this.#connections) connection.retire()
  }

  close(): Promise<void> {
    this.drain()
    clearInterval(this.#sweeper)
    for (const connection of this.#connections) connection.destroy()
    const closed = [...this.#sockets].map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once('close', resolve).destroy()
        }),
    )
    return Promise.all(closed).then(() => undefined)
  }

  readonly #accept = (socket: Socket): void => {
    const { limits, proxies } = this.#parts
    const peer = peerOf(socket)
    socket.on('error', ignore)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
    })
    const isProxy = proxies?.isTrusted(peer) === true
    if (isProxy && proxies.sayFirst)
      takeProxyHeader(socket, limits.headTimeoutMs, ({ source }) => {
        this.#admit(socket, source ?? peer, source === undefined)
      })
    else this.#admit(socket, peer, isProxy)
  }

  /** Lets a connection in while there is room; a proxy of ours stands for many clients. */
  #admit(socket: Socket, source: string, isProxy: boolean): void {
    const { open } = this.#parts
    const counted = isProxy ? undefined : source
    const problem = this.#isDraining ? 'stopping' : open.take(counted)
    if (problem !== undefined) {
      this.#shed(socket, source, problem)
      return
    }
    socket.once('close', () => {
      open.give(counted)
    })
    if (!this.#tls) {
      this.#begin(socket, source)
      return
    }
    const name = nameOf(socket)
    this.#handshakes.set(name, source)
    socket.once('close', () => this.#handshakes.delete(name))
    this.#tls.emit('connection', socket)
  }

  #begin(socket: Socket, source: string): void {
    this.#connections.add(new Connection(socket, source, this.#shared))
  }

  readonly #sweep = (): void => {
    const now = performance.now()
    this.#clock.now = now
    for (const connection of this.#connections) connection.sweep(now)
  }

  /** In plaintext there is a word for it; a handshake would cost more than the refusal is worth. */
  #shed(socket: Socket, source: string, problem: string): void {
    if (this.#tls || this.#shedding >= MAX_SHEDDING) {
      socket.resetAndDestroy()
      return
    }
    this.#shedding += 1
    socket.once('close', () => {
      this.#shedding -= 1
    })
    const listener = this.#listener
    const refusal = this.#parts.reject({ status: 503, problem, source, listener })
    const answer = { ...refusal, headers: [...refusal.headers, 'Retry-After', '1'] }
    socket.end(formatAnswer(answer, 'Connection: close\r\n')).resume()
    socket.setTimeout(this.#parts.limits.drainMs, () => socket.destroy())
  }

  #sharedParts(): ConnectionParts {
    const { limits, now, serve, reject, proxies } = this.#parts
    return {
      listener: () => this.#listener,
      limits,
      clock: this.#clock,
      keepAliveHint: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(limits.idleConnectionMs / 1000)}\r\n`,
      isDraining: () => this.#isDraining,
      sourceOf: proxies?.sourceOf ?? peerItself,
      now,
      serve,
      reject,
      count: (change) => {
        this.#inFlight += change
        if (this.#inFlight === 0) for (const resolve of this.#idlers.splice(0)) resolve()
      },
      closed: (connection) => {
        this.#connections.delete(connection)
      },
    }
  }
}

function createTls(
  { cert, key }: TlsPair,
  { headTimeoutMs }: WireLimits,
  begin: (socket: Socket) => void,
): TlsServer {
  const server = createTlsServer({
    cert,
    key,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    allowHalfOpen: true,
    handshakeTimeout: headTimeoutMs,
  })
  server.on('secureConnection', begin)
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function peerItself(peer: string): string {
  return peer
}

function ignore(): void {
  // what it means shows as the socket's end
}

/** Often enough for the shortest time that counts, and seldom enough to cost nothing. */
function sweepMs(limits: WireLimits): number {
  const { headTimeoutMs, bodyIdleTimeoutMs, idleConnectionMs, drainMs, totalTimeoutMs } = limits
  const timeoutsMs = [headTimeoutMs, bodyIdleTimeoutMs, idleConnectionMs, drainMs, totalTimeoutMs]
  return sweepIntervalMs(500, timeoutsMs)
}

function peerOf(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** The same for a connection and for the TLS inside it, and unique while it is open. */
function nameOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
