/**
 * The control plane on a socket: node:http with strict limits, so that a slow or broken client
 * costs little, and whatever Node's parser refuses is still answered as a problem.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { newRequestId } from '../base/ids.ts'
import type { Api } from './middleware.ts'
import { problemResponse, type ApiProblem } from './problem.ts'

/** PEM texts. */
export interface ApiCertificate {
  readonly cert: string
  readonly key: string
}

export interface ApiListener {
  readonly app: Api
  readonly listen: { readonly host: string; readonly port: number }
  /** Plain http without it. */
  readonly tls?: ApiCertificate | undefined
}

export interface RunningApi {
  readonly address: { readonly host: string; readonly port: number }
  /** From here on new connections get this certificate; those that are open go on. */
  renewTls(tls: ApiCertificate): void
  /** Ends idle connections at once, lets requests end, and cuts what is left after the grace. */
  close(graceMs: number): Promise<void>
}

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: true,
  insecureHTTPParser: false,
  joinDuplicateHeaders: false,
}
/** A handshake may take as long as a head. */
const SPOKEN = { ALPNProtocols: ['http/1.1'], handshakeTimeout: LIMITS.headersTimeout }
const MAX_CONNECTIONS = 512
const MAX_HEADERS = 64

/** Fields that decide something here: one that comes twice could be read in two ways. */
const SINGLE = ['host', 'authorization', 'content-type', 'content-length', 'origin', 'if-match']

/** Throws `listen_failed` when the address cannot be had. */
export async function startApi({ app, listen, tls }: ApiListener): Promise<RunningApi> {
  const answer = answerer(app)
  const secure = tls && createTlsServer({ ...LIMITS, ...contextOf(tls), ...SPOKEN }, answer)
  const server = secure ?? createServer(LIMITS, answer)
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = MAX_HEADERS
  server.on('clientError', (error, socket) => {
    refuseUnparsed(error, socket)
  })
  await listening(server, listen)
  const { address, port } = server.address() as AddressInfo // it listens on a port
  return {
    address: { host: address, port },
    renewTls: (renewed) => secure?.setSecureContext(contextOf(renewed)),
    close: (graceMs) => closed(server, graceMs),
  }
}

function contextOf({ cert, key }: ApiCertificate) {
  return { cert, key, minVersion: 'TLSv1.2' as const }
}

function answerer(app: Api) {
  const answer = getRequestListener(
    (request, { incoming }) => app.fetch(request, { source: sourceOf(incoming.socket) }),
    {
      overrideGlobalObjects: false,
      errorHandler: () => problemResponse(malformed, newRequestId()),
    },
  )
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (isAmbiguous(incoming)) void refuse(outgoing, malformed)
    else void answer(incoming, outgoing)
  }
}

const malformed: ApiProblem = {
  code: 'invalid_request',
  detail: 'The request cannot be read in exactly one way.',
}

/** Whatever a URL parser would resolve to another path than the one that was sent. */
const RESOLVABLE = /^\/\/|\\|#|\/(?:\.|%2e){1,2}(?:[/?]|$)/i

/** Node keeps the first of two such fields and takes absolute targets; neither is wanted here. */
function isAmbiguous({ url = '', rawHeaders }: IncomingMessage): boolean {
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  const isRepeated = SINGLE.some((name) => names.indexOf(name) !== names.lastIndexOf(name))
  return isRepeated || !url.startsWith('/') || RESOLVABLE.test(url)
}

async function refuse(outgoing: ServerResponse, problem: ApiProblem): Promise<void> {
  const response = problemResponse(problem, newRequestId())
  outgoing.writeHead(response.status, [...response.headers, ['connection', 'close']].flat())
  outgoing.end(await response.text())
}

/** There is no request yet, so the answer is written by hand and the connection ends. */
function refuseUnparsed(error: Error, socket: Duplex): void {
  const code = systemErrorCode(error)
  if (!socket.writable || code === 'ECONNRESET' || isOfTls(code)) {
    socket.destroy()
    return
  }
  void writeRaw(socket, problemOfParser(code))
}

/** Where a handshake failed, no answer could be read. */
function isOfTls(code = ''): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')
}

function problemOfParser(code: string | undefined): ApiProblem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { code: 'headers_too_large', detail: 'The header is larger than any real one.' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { code: 'request_timeout', detail: 'The request took too long to arrive.' }
  return malformed
}

async function writeRaw(socket: Duplex, problem: ApiProblem): Promise<void> {
  const response = problemResponse(problem, newRequestId())
  const body = await response.text()
  const head = [
    `HTTP/1.1 ${response.status} Refused`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function listening(server: Server, { host, port }: ApiListener['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const why = systemErrorCode(cause) === 'EADDRINUSE' ? 'is taken' : 'cannot be listened on'
      reject(new Failure('listen_failed', `${host}:${port} ${why}`, { cause }))
    })
    server.listen({ host, port, exclusive: true }, resolve)
  })
}

function closed(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.closeAllConnections()
    }, graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** An IPv4 client of a dual-stack socket is an IPv4 client. */
function sourceOf({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
}
