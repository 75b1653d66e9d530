/**
 * Thousands of connections that never finish a head: a byte now and then, opened again when the
 * proxy sheds them. From several addresses, since a proxy may limit what one source opens.
 */

import { connect, type Socket } from 'node:net'

export interface SlowJob {
  readonly port: number
  readonly connections: number
}

export interface SlowFigures {
  readonly open: number
  readonly shed: number
}

const PER_SOURCE = 500
const BYTE_EVERY_MS = 2000
const TICK_MS = 20
const START = 'GET /v1/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: '

process.once('message', ({ port, connections }: SlowJob) => {
  const sockets: (Socket | undefined)[] = new Array<undefined>(connections).fill(undefined)
  const figures = { open: 0, shed: 0 }

  function open(index: number): void {
    const localAddress = `127.0.1.${1 + Math.floor(index / PER_SOURCE)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    let wasOpen = false
    socket.on('connect', () => {
      wasOpen = true
      figures.open += 1
      socket.write(START)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (wasOpen) figures.open -= 1
      figures.shed += 1
      sockets[index] = undefined // and opened again when its turn comes
    })
    socket.resume()
    sockets[index] = socket
  }

  let next = 0
  setInterval(() => {
    const share = Math.ceil((connections * TICK_MS) / BYTE_EVERY_MS)
    for (let count = 0; count < share; count += 1) {
      const socket = sockets[next]
      if (!socket) open(next)
      else if (!socket.connecting) socket.write('a')
      next = (next + 1) % connections
    }
  }, TICK_MS)

  process.on('message', () => process.send?.({ ...figures } satisfies SlowFigures))
})
