/** The first bytes of a connection that came through a load balancer which says so. */

import type { Socket } from 'node:net'
import { readProxyHeader } from './proxy-header.ts'

export interface Proxied {
  /** Undefined where the balancer speaks for itself, or did not know. */
  readonly source: string | undefined
}

/**
 * Takes the PROXY header off the connection and gives the rest back to it. Silence beyond the time
 * and anything that is no such header end the connection: there is nobody to answer.
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  done: (proxied: Proxied) => void,
): void {
  let received: Buffer = Buffer.alloc(0)
  const refuse = (): void => {
    socket.destroy()
  }
  const timer = setTimeout(refuse, timeoutMs)
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk])
    const header = readProxyHeader(received)
    if (header.kind === 'more') return
    stop()
    if (header.kind === 'refused') {
      refuse()
      return
    }
    socket.pause()
    if (received.length > header.length) socket.unshift(received.subarray(header.length))
    done({ source: header.source })
    // A reader of plain bytes waits for them by now; TLS has taken over the socket, pause and all.
    if (socket.listenerCount('data') > 0) socket.resume()
  }
  const stop = (): void => {
    clearTimeout(timer)
    socket.off('data', onData).off('end', refuse).off('close', stop)
  }
  socket.on('data', onData).on('end', refuse).on('close', stop)
}
