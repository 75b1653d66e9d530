/**
 * An upstream that speaks WebSocket by the `ws` package and says back what it hears; or that
 * refuses, says nothing for a while, or is cut off, as a test wants it.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import { createWaiting } from './waiting.ts'

export interface Handshake {
  readonly url: string
  /** Names as spelled and values alternate. */
  readonly rawHeaders: readonly string[]
  header(name: string): string | undefined
}

export interface WebSocketUpstream {
  readonly origin: string
  readonly handshakes: readonly Handshake[]
  /** The other ends of the conversations, as far as they were accepted. */
  readonly peers: readonly WebSocket[]
  /** All bytes that came behind a handshake, of all connections. */
  readonly receivedBytes: number
  readonly openCount: number
  /** Each handshake is answered by this, in place of a 101. */
  refuse(answer: string | undefined): void
  /** Each handshake waits for this before it is answered. */
  delay(until: () => Promise<unknown>): void
  /** Breaks or ends what is open. */
  each(act: (socket: Socket) => void): void
  until(isTrue: () => boolean): Promise<void>
  close(): Promise<void>
}

export async function startWebSocketUpstream(
  options: Pick<ServerOptions, 'perMessageDeflate'> = {},
): Promise<WebSocketUpstream> {
  const speaker = new WebSocketServer({ noServer: true, ...options })
  const handshakes: Handshake[] = []
  const peers: WebSocket[] = []
  const sockets = new Set<Socket>()
  const { ask, until } = createWaiting()
  let receivedBytes = 0
  let refusal: string | undefined
  let delay: () => Promise<unknown> = () => Promise.resolve()

  const greet = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    handshakes.push(noteHandshake(request))
    receivedBytes += head.length
    socket.on('error', () => undefined)
    ask()
    await delay()
    if (refusal === undefined) speaker.handleUpgrade(request, socket, head, converse)
    else socket.end(refusal)
    socket.on('data', (bytes: Buffer) => {
      receivedBytes += bytes.length
      ask()
    })
  }
  const converse = (peer: WebSocket): void => {
    peers.push(peer)
    peer.on('error', () => undefined)
    peer.on('message', (data: Buffer, isBinary) => {
      peer.send(data, { binary: isBinary })
    })
    ask()
  }
  const server = createServer((_request, response) => {
    response.end('no websocket')
  })
  server.on('upgrade', (request, socket, head) => {
    void greet(request, socket, head)
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
    peers,
    get receivedBytes() {
      return receivedBytes
    },
    get openCount() {
      return sockets.size
    },
    refuse: (answer) => void (refusal = answer),
    delay: (wait) => void (delay = wait),
    each(act) {
      for (const socket of sockets) act(socket)
    },
    until,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function noteHandshake({ url = '', headers, rawHeaders }: IncomingMessage): Handshake {
  return { url, rawHeaders, header: (name) => headers[name]?.toString() }
}
