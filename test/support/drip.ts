/** A client that is lively and says next to nothing. */

import type { Socket } from 'node:net'

/** One byte of a latin-1 text every so often, for as long as somebody listens. */
export function drip(socket: Socket, text: string, everyMs = 50): void {
  let at = 0
  const timer = setInterval(() => {
    if (!socket.writable || at === text.length) clearInterval(timer)
    else socket.write(text.charAt(at++), 'latin1')
  }, everyMs)
}
