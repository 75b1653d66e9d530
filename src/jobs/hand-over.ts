/** Writing to a socket whose other end confirms nothing. */

import type { Socket } from 'node:net'

/** How long the other end has to close, before what it took counts as taken. */
const CLOSING_MS = 500

/** Resolves when the other end took all bytes and did not reset; rejects when the signal aborts. */
export function handOver(socket: Socket, bytes: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    reject(new Error('aborted'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  socket.once('error', reject)
  socket.once('close', () => {
    if (socket.writableFinished) resolve(undefined)
    else reject(new Error('closed'))
  })
  socket.once('finish', () => {
    timer = setTimeout(() => {
      resolve(undefined)
    }, CLOSING_MS)
  })
  socket.resume()
  socket.end(bytes)
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  })
}
