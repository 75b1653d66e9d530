/** Standard output as a target of alerts: one that nobody reads must not fill the memory. */

import type { Writable } from 'node:stream'
import type { PrintLine } from '../jobs/printed.ts'

const MAX_WAITING_BYTES = 256 * 1024

export function createPrintLine(stream: Writable): PrintLine {
  // A pipe whose reader has gone must not end the process; the write itself says so too.
  stream.on('error', () => undefined)
  return (line) =>
    new Promise((resolve, reject) => {
      if (stream.writableLength > MAX_WAITING_BYTES) {
        reject(new Error('nobody reads'))
        return
      }
      stream.write(`${line}\n`, (error) => {
        if (error) reject(error)
        else resolve()
      })
    })
}
