/**
 * An upstream that records: TLS under a private authority, the raw bytes of each connection, the
 * requests parsed from them, and answers that the test scripts, hostile ones included.
 */

import { createServer, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { createAuthority, LOOPBACK_NAMES, type Authority, type Leaf } from './pki.ts'
import { createRequestReader, type RecordedRequest, type RequestHead } from './request-reader.ts'
import { createWaiting } from './waiting.ts'

export type { RecordedRequest } from './request-reader.ts'

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Text and bytes go as they are, anything else as JSON. */
  readonly body?: unknown
  /** Sent chunked as they come, instead of `body`. A throw resets the connection midway. */
  readonly chunks?: AsyncIterable<string | Buffer>
}

/** `reset` cuts the connection, `stall` never answers, `raw` sends exactly these bytes. */
export type Answer = Reply | { readonly raw: string | Buffer } | 'reset' | 'stall'

export type Respond = (request: RecordedRequest) => Answer | Promise<Answer>

export interface Upstream {
  readonly port: number
  /** `https://127.0.0.1:port` */
  readonly origin: string
  /** The authority to trust, as PEM. */
  readonly ca: string
  readonly requests: readonly RecordedRequest[]
  /** All bytes of each connection, decrypted. */
  readonly connections: readonly Buffer[]
  /** Heads whose bodies are still on their way. */
  readonly pendingHeads: readonly RequestHead[]
  /** Changes the answers from now on. */
  respond(respond: Respond): void
  /** Drops what was recorded. */
  forget(): void
  /** How often these bytes arrived, over all connections. */
  count(text: string): number
  /** Resolves once `isTrue()`; asked again whenever bytes arrive. */
  until(isTrue: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface UpstreamOptions {
  readonly respond?: Respond
  readonly authority?: Authority
  /** A certificate instead of a good one for loopback names. */
  readonly leaf?: Leaf
}

interface Connection {
  readonly socket: TLSSocket
  readonly received: Buffer[]
  pending: RequestHead | undefined
  /** Answers go out in the order of their requests. */
  answered: Promise<void>
}

export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const authority = options.authority ?? createAuthority()
  const leaf = options.leaf ?? authority.issue({ names: LOOPBACK_NAMES })
  let respond: Respond = options.respond ?? (() => ({ body: { ok: true } }))
  let connections: Connection[] = []
  let requests: RecordedRequest[] = []
  const { ask, until } = createWaiting()

  const serverOptions = { ...leaf, ALPNProtocols: ['http/1.1'], noDelay: true }
  const server = createServer(serverOptions, (socket) => {
    const connection: Connection = {
      socket,
      received: [],
      pending: undefined,
      answered: Promise.resolve(),
    }
    const number = connections.push(connection) - 1
    const reader = createRequestReader()
    socket.on('error', () => socket.destroy()) // resets are an ordinary part of these tests
    socket.on('data', (bytes: Buffer) => {
      connection.received.push(bytes)
      for (const { head, body } of reader.read(bytes)) record({ ...head, body, connection: number })
      if (reader.pending && reader.pending !== connection.pending) continueBody(socket, reader)
      connection.pending = reader.pending
      ask()
    })

    function record(request: RecordedRequest): void {
      requests.push(request)
      connection.answered = connection.answered.then(async () => {
        await send(socket, request, await respond(request))
      })
      connection.answered.catch(() => socket.destroy())
    }
  })
  server.on('tlsClientError', () => undefined) // clients that refuse our certificate
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const bytesOf = (connection: Connection) => Buffer.concat(connection.received)

  return {
    port,
    origin: `https://127.0.0.1:${port}`,
    ca: authority.certificate,
    get requests() {
      return requests
    },
    get connections() {
      return connections.map(bytesOf)
    },
    get pendingHeads() {
      return connections.flatMap(({ pending }) => pending ?? [])
    },
    respond(next) {
      respond = next
    },
    forget() {
      requests = []
      for (const connection of connections) connection.received.length = 0
    },
    count: (text) => occurrences(connections.map(bytesOf), text),
    until,
    async close() {
      for (const { socket } of connections) socket.destroy()
      connections = []
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function continueBody(socket: TLSSocket, reader: { pending: RequestHead | undefined }): void {
  if (reader.pending?.header('expect') === '100-continue') {
    socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  }
}

function occurrences(texts: readonly Buffer[], wanted: string): number {
  return texts.reduce((sum, text) => sum + text.toString('latin1').split(wanted).length - 1, 0)
}

async function send(socket: TLSSocket, request: RecordedRequest, answer: Answer): Promise<void> {
  if (answer === 'stall') {
    await new Promise(() => undefined)
    return
  }
  if (answer === 'reset') {
    socket.resetAndDestroy()
    return
  }
  if ('raw' in answer) {
    socket.write(answer.raw)
    return
  }
  if (answer.chunks) {
    await sendChunks(socket, answer, answer.chunks)
    return
  }
  const { bytes, type } = encodeBody(answer.body)
  if (answer.status === 204 || answer.status === 304) {
    socket.write(headOf(answer, {}))
    return
  }
  socket.write(headOf(answer, { 'content-type': type, 'content-length': `${bytes.length}` }))
  if (request.method !== 'HEAD') socket.write(bytes)
}

async function sendChunks(
  socket: TLSSocket,
  reply: Reply,
  chunks: AsyncIterable<string | Buffer>,
): Promise<void> {
  socket.write(headOf(reply, { 'transfer-encoding': 'chunked' }))
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk)
    socket.write(
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]),
    )
  }
  socket.write('0\r\n\r\n')
}

function encodeBody(body: unknown): { readonly bytes: Buffer; readonly type: string } {
  if (body === undefined) return { bytes: Buffer.alloc(0), type: 'text/plain' }
  if (Buffer.isBuffer(body)) return { bytes: body, type: 'application/octet-stream' }
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: 'text/plain' }
  return { bytes: Buffer.from(JSON.stringify(body)), type: 'application/json' }
}

function headOf(reply: Reply, defaults: Readonly<Record<string, string>>): string {
  const given = Object.entries(reply.headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ])
  const headers = Object.entries({
    ...defaults,
    ...(Object.fromEntries(given) as Record<string, string | readonly string[]>),
  }).flatMap(([name, value]) => [value].flat().map((each: string) => `${name}: ${each}\r\n`))
  return `HTTP/1.1 ${reply.status ?? 200} Answer\r\n${headers.join('')}\r\n`
}
