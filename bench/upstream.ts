/**
 * The API behind the proxies, cheaper than any of them: raw sockets and prebuilt answers.
 * It answers by path, and only requests that carry the real key; events carry the time they left.
 */

import { once } from 'node:events'
import { createServer as createPlainServer, type AddressInfo } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { PATHS } from './upstream-paths.ts'

export interface UpstreamJob {
  readonly key: string
  /** PEM; without it the upstream speaks plaintext. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export interface UpstreamPorts {
  /** Where the proxies call. */
  readonly port: number
  /** The same answers in plaintext. */
  readonly plainPort: number
}

const SMALL_BYTES = 735
const LARGE_BYTES = 1024 * 1024
const EVENT_EVERY_MS = 5

const END = Buffer.from('\r\n\r\n')
const SMALL = answerOf(SMALL_BYTES)
const LARGE = answerOf(LARGE_BYTES)
const REFUSED = Buffer.from('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
// The last field is how an upstream asks nginx not to collect a stream.
const EVENTS = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nX-Accel-Buffering: no\r\n\r\n',
)

function answerOf(bytes: number): Buffer {
  const body = JSON.stringify({ object: 'list', data: [] }).padEnd(bytes, ' ')
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`
  return Buffer.from(head + body)
}

/** One connection: heads are found, bodies of a known length skipped, answers written in order. */
class Answering {
  readonly #socket: Socket
  readonly #key: Buffer
  #held: Buffer | undefined
  #bodyLeft = 0
  #answer: Buffer | undefined

  constructor(socket: Socket, key: Buffer) {
    this.#socket = socket
    this.#key = key
  }

  readonly take = (chunk: Buffer): void => {
    let bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk
    this.#held = undefined
    while (bytes.length > 0) {
      if (this.#answer === undefined) {
        const end = bytes.indexOf(END)
        if (end < 0) {
          this.#held = bytes
          return
        }
        this.#readHead(bytes.subarray(0, end))
        bytes = bytes.subarray(end + END.length)
      }
      const taken = Math.min(this.#bodyLeft, bytes.length)
      this.#bodyLeft -= taken
      bytes = bytes.subarray(taken)
      if (this.#bodyLeft === 0) this.#respond()
    }
  }

  #readHead(head: Buffer): void {
    this.#bodyLeft = head[0] === 0x47 ? 0 : declaredLength(head) // the G of GET
    const path = head.subarray(head.indexOf(' ') + 1, head.indexOf(' ') + 20).toString('latin1')
    if (!head.includes(this.#key)) this.#answer = REFUSED
    else if (path.startsWith(PATHS.events)) this.#answer = EVENTS
    else this.#answer = path.startsWith(PATHS.large) ? LARGE : SMALL
    if (this.#bodyLeft === 0) this.#respond()
  }

  #respond(): void {
    if (this.#answer === undefined) return
    this.#socket.write(this.#answer)
    if (this.#answer === EVENTS) sendEvents(this.#socket)
    this.#answer = undefined
  }
}

function declaredLength(head: Buffer): number {
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head.toString('latin1'))?.[1]
  if (declared === undefined) throw new Error('a request body without a length')
  return Number(declared)
}

function sendEvents(socket: Socket): void {
  const timer = setInterval(() => {
    const event = `data: ${process.hrtime.bigint()}\n\n`
    socket.write(`${event.length.toString(16)}\r\n${event}\r\n`)
  }, EVENT_EVERY_MS)
  socket.once('close', () => {
    clearInterval(timer)
  })
}

async function answerOn(plain: Server, secure: Server | undefined): Promise<void> {
  const plainPort = await listen(plain)
  const ports: UpstreamPorts = { plainPort, port: secure ? await listen(secure) : plainPort }
  process.send?.(ports)
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

process.once('message', ({ key, tls }: UpstreamJob) => {
  const accept = (socket: Socket): void => {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', new Answering(socket, Buffer.from(key)).take)
  }
  void answerOn(createPlainServer(accept), tls && createTlsServer(tls, accept))
})
