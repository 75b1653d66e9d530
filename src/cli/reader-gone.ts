/** Standard output whose reader may have seen enough before all is written, as `head` has. */

import type { Writable } from 'node:stream'
import { systemErrorCode } from '../base/errors.ts'

/** Nobody reads what a command prints any more: it ends, and nothing has gone wrong. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone'
}

/** Prints line by line; throws `ReaderGone` once the other end of the pipe is closed. */
export function createPrint(stream: Writable): (text: string) => void {
  let isWatched = false
  let isGone = false
  // Only commands that print are ended by it: a server goes on.
  const watch = () => {
    isWatched = true
    stream.on('error', (error) => {
      if (systemErrorCode(error) !== 'EPIPE') throw error
      isGone = true
    })
  }
  return (text) => {
    if (isGone) throw new ReaderGone()
    if (!isWatched) watch()
    stream.write(`${text}\n`)
  }
}
