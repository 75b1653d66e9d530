/**
 * An upstream that speaks WebSocket (RFC 6455) and says back what it hears, in frames of its own;
 * or that refuses, says nothing for a while, or is cut off, as a test wants it.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Handshake {
  readonly url: string
  /** Names as spelled and values alternate. */
  readonly rawHeaders: readonly string[]
  header(name: string): string | undefined
}

export interface WebSocketUpstream {
  readonly origin: string
  readonly handshakes: readonly Handshake[]
  /** All bytes that came behind a handshake, of all connections. */
  readonly received: Buffer
  readonly openCount: number
  /** Each handshake is answered by this, in place of a 101. */
  refuse(answer: string | undefined): void
  /** Each handshake waits for this before it is answered. */
  delay(until: () => Promise<unknown>): void
  /** Breaks or ends what is open. */
  each(act: (socket: Duplex) => void): void
  until(isTrue: () => boolean): Promise<void>
  close(): Promise<void>
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const CLOSE = 8

export async function startWebSocketUpstream(): Promise<WebSocketUpstream> {
  const handshakes: Handshake[] = []
  const received: Buffer[] = []
  const sockets = new Set<Duplex>()
  const waiting = new Set<() => void>()
  let refusal: string | undefined
  let delay: () => Promise<unknown> = () => Promise.resolve()
  const ask = () => {
    for (const each of [...waiting]) each()
  }

  const greet = async (request: IncomingMessage, socket: Duplex): Promise<void> => {
    handshakes.push(noteHandshake(request))
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end())
    ask()
    await delay()
    if (refusal !== undefined) {
      socket.end(refusal)
      return
    }
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes)
      rest = echo(Buffer.concat([rest, bytes]), socket)
      ask()
    })
    socket.write(acceptance(request))
  }
  const server = createServer((_request, response) => {
    response.end('no websocket')
  })
  server.on('upgrade', (request, socket, head) => {
    received.push(head)
    void greet(request, socket)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      ask()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    origin: `http://127.0.0.1:${port}`,
    handshakes,
    get received() {
      return Buffer.concat(received)
    },
    get openCount() {
      return sockets.size
    },
    refuse: (answer) => void (refusal = answer),
    delay: (until) => void (delay = until),
    each(act) {
      for (const socket of sockets) act(socket)
    },
    until: (isTrue) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!isTrue()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function noteHandshake({ url = '', headers, rawHeaders }: IncomingMessage): Handshake {
  return { url, rawHeaders, header: (name) => headers[name]?.toString() }
}

/** The 101, with the first subprotocol that was offered. */
function acceptance({ headers }: IncomingMessage): string {
  const key = headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  const protocol = headers['sec-websocket-protocol']?.split(',')[0]?.trim()
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    '',
    '',
  ].join('\r\n')
}

/** Answers each whole frame in kind; returns what is left. A Close is answered and ends it. */
function echo(bytes: Buffer, socket: Duplex): Buffer {
  let rest = bytes
  for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
    rest = rest.subarray(frame.end)
    socket.write(formatFrame(frame.first, frame.payload))
    if ((frame.first & 15) === CLOSE) socket.end()
  }
  return rest
}

/** A client's frame, unmasked; undefined until all of it is there. */
function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1) & 127
  const at = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < at + 4) return undefined
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  const end = at + 4 + length
  if (bytes.length < end) return undefined
  const mask = bytes.subarray(at, at + 4)
  const payload = Buffer.from(bytes.subarray(at + 4, end))
  for (const [index, byte] of payload.entries()) payload[index] = byte ^ (mask[index & 3] ?? 0)
  return { first: bytes.readUInt8(0), payload, end }
}

function formatFrame(first: number, payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload])
  const head = Buffer.alloc(10)
  head.writeUInt8(first, 0)
  head.writeUInt8(127, 1)
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
