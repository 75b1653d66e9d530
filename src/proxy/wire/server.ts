/**
 * The listeners on node:http, as strict as its options allow and stricter by head.ts.
 *
 * Doors get requests with one meaning; everything else is turned away here, in the words that
 * `reject` gives, and the connection closed.
 */

import { createServer as createPlainServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Failure, systemErrorCode } from '../../base/errors.ts'
import type { Now } from '../../base/clock.ts'
import { NO_BODY, NodeBody } from './body.ts'
import { readHead } from './head.ts'
import type { Listener, Malformed, WireAnswer, WireReply, WireRequest } from './message.ts'
import { NodeReply } from './reply.ts'

export interface ListenerSettings {
  readonly host: string
  readonly port: number
  /** The only service of a port of its own. */
  readonly service?: string
  /** PEM; without it the listener speaks plaintext. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export interface WireLimits {
  readonly maxHeaderBytes: number
  readonly headTimeoutMs: number
  readonly idleConnectionMs: number
  readonly bodyIdleTimeoutMs: number
}

export interface WireParts {
  readonly settings: ListenerSettings
  readonly limits: WireLimits
  readonly now: Now
  serve(request: WireRequest, reply: WireReply): void
  reject(malformed: Malformed): WireAnswer
}

export interface WireServer {
  listen(): Promise<Listener>
  /** Requests that are not answered to their end. */
  readonly inFlight: number
  /** Takes no new connection and no further request on those that are open. */
  drain(): void
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>
  /** Ends what is left; resolves when every connection is closed. */
  close(): Promise<void>
}

/** What is remembered per connection: its peer, and whether an answer is under way on it. */
interface Connection {
  readonly source: string
  inFlight: number
}

/** Builds one listener; nothing happens before `listen`. */
export function createWireServer(parts: WireParts): WireServer {
  const { settings, limits } = parts
  const server = createNodeServer(settings, limits)
  const wire = new NodeWire(parts, server)
  server.keepAliveTimeout = limits.idleConnectionMs
  server.timeout = 0
  server.on('request', wire.accept)
  server.on('checkContinue', wire.accept)
  server.on('checkExpectation', wire.accept)
  server.on('connect', wire.refuseConnect)
  server.on('clientError', wire.refuseUnparsed)
  return wire
}

function createNodeServer({ tls }: ListenerSettings, limits: WireLimits): Server {
  const options: ServerOptions = {
    insecureHTTPParser: false,
    requireHostHeader: false, // head.ts asks for it, and answers in our words
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: 0, // uploads may be long; their silence is limited by the body's reader
    connectionsCheckingInterval: Math.min(1000, limits.headTimeoutMs),
    keepAliveTimeout: limits.idleConnectionMs,
  }
  if (!tls) return createPlainServer(options)
  return createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] })
}

class NodeWire implements WireServer {
  readonly #parts: WireParts
  readonly #server: Server
  readonly #connections = new WeakMap<Socket, Connection>()
  #listener: Listener
  #isDraining = false
  #inFlight = 0
  readonly #idlers: (() => void)[] = []

  constructor(parts: WireParts, server: Server) {
    const { host, port, service, tls } = parts.settings
    this.#parts = parts
    this.#server = server
    this.#listener = {
      address: formatAuthority(host, port),
      service,
      isSecure: tls !== undefined,
    }
  }

  listen(): Promise<Listener> {
    const { host, port } = this.#parts.settings
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(listenFailure(this.#listener.address, error))
      })
      this.#server.listen({ host, port }, () => {
        const bound = this.#server.address() as AddressInfo // a TCP server that listens has one
        this.#listener = { ...this.#listener, address: formatAuthority(host, bound.port) }
        resolve(this.#listener)
      })
    })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idlers.push(resolve))
  }

  drain(): void {
    this.#isDraining = true
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeIdleConnections()
  }

  close(): Promise<void> {
    this.drain()
    return new Promise((resolve) => {
      // Called when it is closed already, too: then with an error that says just that.
      this.#server.close(() => {
        resolve()
      })
      this.#server.closeAllConnections()
    })
  }

  readonly accept = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = this.#connectionOf(request.socket)
    if (this.#isDraining) response.shouldKeepAlive = false
    const head = readHead({ version: request.httpVersion, rawHeaders: request.rawHeaders })
    if (!head.ok) {
      this.#count(connection, response)
      this.#turnAway(response, { ...head.error, source: connection.source })
      return
    }
    const { fields, spelling, host, length, awaitsContinue } = head.value
    const { bodyIdleTimeoutMs: idleTimeoutMs } = this.#parts.limits
    const body =
      length === 0
        ? undefined
        : new NodeBody({ request, response, length, awaitsContinue, idleTimeoutMs })
    const reply = new NodeReply(response, body)
    this.#count(connection, response, reply)
    const wireRequest: WireRequest = {
      listener: this.#listener,
      source: connection.source,
      receivedAt: this.#parts.now(),
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion === '1.0' ? '1.0' : '1.1',
      host,
      fields,
      spelling,
      body: body ?? NO_BODY,
    }
    this.#parts.serve(wireRequest, reply)
  }

  /** CONNECT has a door of its own; on this one it must not even look like a tunnel. */
  readonly refuseConnect = (_request: IncomingMessage, socket: Socket): void => {
    this.#answerRaw(socket, { status: 405, problem: 'CONNECT is not spoken here' })
  }

  readonly refuseUnparsed = (error: Error, socket: Socket): void => {
    const code = systemErrorCode(error)
    if (code === 'ECONNRESET' || this.#connections.get(socket)?.inFlight) {
      // Bytes that make no sense behind a request under way: no answer fits in between.
      socket.destroy()
    } else {
      this.#answerRaw(socket, unparsed(code))
    }
  }

  /** Counts a request as in flight until its answer, or its connection, is over. */
  #count(connection: Connection, response: ServerResponse, reply?: NodeReply): void {
    connection.inFlight += 1
    this.#inFlight += 1
    response.once('close', () => {
      connection.inFlight -= 1
      this.#inFlight -= 1
      reply?.closed()
      if (this.#inFlight > 0) return
      for (const resolve of this.#idlers.splice(0)) resolve()
    })
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known) return known
    const connection = { source: sourceOf(socket), inFlight: 0 }
    this.#connections.set(socket, connection)
    return connection
  }

  #turnAway(response: ServerResponse, problem: Omit<Malformed, 'listener'>): void {
    const { status, headers, body } = this.#parts.reject({ ...problem, listener: this.#listener })
    const framing = ['Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close']
    response.writeHead(status, [...headers, ...framing])
    response.end(body)
  }

  #answerRaw(socket: Socket, problem: { readonly status: number; readonly problem: string }): void {
    // Node takes its own listener off a socket that it hands over; a reset must not end us (AV-09).
    socket.on('error', () => {
      socket.destroy()
    })
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const source = sourceOf(socket)
    const answer = this.#parts.reject({ ...problem, source, listener: this.#listener })
    socket.end(formatAnswer(answer), () => {
      socket.destroy()
    })
  }
}

function unparsed(code: string | undefined): { status: number; problem: string } {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, problem: 'the head is too long' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, problem: 'the head took too long' }
  if (code === 'HPE_PAUSED_H2_UPGRADE') {
    return { status: 505, problem: 'only HTTP/1.1 and 1.0 are spoken' }
  }
  return { status: 400, problem: 'it is not valid HTTP/1.1' }
}

function formatAnswer({ status, headers, body }: WireAnswer): string {
  const lines = [`HTTP/1.1 ${status} Refused`]
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index] ?? ''}: ${headers[index + 1] ?? ''}`)
  }
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', '', body)
  return lines.join('\r\n')
}

function sourceOf(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function listenFailure(address: string, error: Error): Failure {
  const code = systemErrorCode(error)
  if (code === 'EADDRINUSE') {
    return new Failure(
      'listen_failed',
      `${address} is in use: stop what listens there, or choose another address`,
    )
  }
  if (code === 'EACCES') {
    return new Failure(
      'listen_failed',
      `${address} may not be used by this user: choose a port above 1023`,
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new Failure('listen_failed', `${address} is no address of this machine`)
  }
  return new Failure('listen_failed', `cannot listen on ${address}`, { cause: error })
}
