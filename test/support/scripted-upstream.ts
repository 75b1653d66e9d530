/**
 * An upstream that does what a test scripts, byte by byte: a plain server on loopback, each complete
 * request given to the script with its socket. And a listener that notes what it was told.
 */

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Duplex } from 'node:stream'
import type { Failure } from '../../src/base/errors.ts'
import type { AnswerHead, AnswerListener, Destination } from '../../src/proxy/upstream/upstream.ts'
import { createAuthority, LOOPBACK_NAMES } from './pki.ts'
import { createRequestReader, type RequestHead } from './request-reader.ts'
import { createWaiting } from './waiting.ts'

export interface ScriptedRequest extends RequestHead {
  readonly body: Buffer
  /** Numbers from 0 on. */
  readonly connection: number
  /** Of this connection, from 0 on. */
  readonly index: number
}

export type Script = (request: ScriptedRequest, socket: Socket) => void

export interface ScriptedUpstream {
  readonly port: number
  readonly origin: string
  readonly destination: Destination
  readonly requests: readonly ScriptedRequest[]
  /** What each connection has received. */
  readonly connections: readonly string[]
  readonly sockets: readonly Socket[]
  /** Connections that nobody has closed yet. */
  readonly openCount: number
  script(script: Script): void
  /** Called for each connection, before anything is read from it. */
  whenConnected(greet: (socket: Socket, connection: number) => void): void
  until(isTrue: () => boolean): Promise<void>
  close(): Promise<void>
}

export async function startScripted(
  script: Script = (_request, socket) => void socket.write(OK),
  { isTls = false } = {},
): Promise<ScriptedUpstream> {
  let answer = script
  let greet: (socket: Socket, connection: number) => void = () => undefined
  const requests: ScriptedRequest[] = []
  const received: Buffer[][] = []
  const sockets: Socket[] = []
  const { ask, until } = createWaiting()
  let openCount = 0

  const accept = (socket: Socket): void => {
    const connection = sockets.push(socket) - 1
    const bytesOf: Buffer[] = (received[connection] = [])
    const reader = createRequestReader()
    let index = 0
    openCount += 1
    socket.on('error', () => undefined)
    socket.on('close', () => {
      openCount -= 1
      ask()
    })
    greet(socket, connection)
    socket.on('data', (bytes: Buffer) => {
      bytesOf.push(bytes)
      for (const { head, body } of reader.read(bytes)) {
        const request = { ...head, body, connection, index }
        index += 1
        requests.push(request)
        answer(request, socket)
      }
      ask()
    })
    ask()
  }
  const authority = isTls ? createAuthority() : undefined
  const server = authority
    ? createTlsServer({ ...authority.issue({ names: LOOPBACK_NAMES }), noDelay: true }, accept)
    : createServer({ noDelay: true }, accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`

  return {
    port,
    origin,
    destination: {
      service: 'scripted',
      credential: 'key',
      origin,
      ca: authority?.certificate,
      allowPrivateAddress: true,
    },
    requests,
    sockets,
    get connections() {
      return received.map((pieces) => Buffer.concat(pieces).toString('latin1'))
    },
    get openCount() {
      return openCount
    },
    script(next) {
      answer = next
    },
    whenConnected(next) {
      greet = next
    },
    until,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export interface NotedAnswer extends AnswerListener {
  head: AnswerHead | undefined
  text: string
  failure: Failure | undefined
  connection: Duplex | undefined
  /** Every call of the listener, in order, by name. */
  readonly calls: string[]
  /** Answer to `onChunk`. */
  wantsMore: boolean
  readonly hasHead: Promise<void>
  /** Resolves at `onEnd`, `onSwitch` or `onFailure`. */
  readonly isOver: Promise<void>
}

export function noteAnswer(): NotedAnswer {
  const head = Promise.withResolvers<undefined>()
  const over = Promise.withResolvers<undefined>()
  const noted: NotedAnswer = {
    head: undefined,
    text: '',
    failure: undefined,
    connection: undefined,
    calls: [],
    wantsMore: true,
    hasHead: head.promise,
    isOver: over.promise,
    onHead(answer) {
      noted.calls.push('head')
      noted.head = answer
      head.resolve(undefined)
    },
    onChunk(chunk) {
      noted.calls.push('chunk')
      noted.text += chunk.toString('latin1')
      return noted.wantsMore
    },
    onEnd() {
      noted.calls.push('end')
      over.resolve(undefined)
    },
    onSwitch(answer, connection) {
      noted.calls.push('switch')
      noted.head = answer
      noted.connection = connection
      over.resolve(undefined)
    },
    onFailure(failure) {
      noted.calls.push('failure')
      noted.failure = failure
      over.resolve(undefined)
    },
  }
  return noted
}
