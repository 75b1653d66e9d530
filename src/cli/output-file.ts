/** A file of its owner's alone that appears under its name only when it is whole. */

import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { Failure, systemErrorCode } from '../base/errors.ts'

export interface OutputFile {
  write(text: string): void
  /** Gives the file its name, and says what is in it. */
  finish(): { readonly bytes: number; readonly sha256: string }
  /** Leaves nothing behind. */
  discard(): void
}

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const BUFFERED = 1024 * 1024

/** Throws `usage_invalid` when there is such a file already, or none can be made there. */
export function createOutputFile(directory: string, name: string): OutputFile {
  const path = resolve(directory, name)
  const partial = `${path}.partial`
  if (existsSync(path)) throw new Failure('usage_invalid', `${name} is there already`)
  const descriptor = failing(name, () => {
    rmSync(partial, { force: true }) // of a run that was interrupted
    return openSync(partial, FLAGS, 0o600)
  })
  const hash = createHash('sha256')
  let [waiting, bytes] = ['', 0]
  const flush = () => {
    const block = Buffer.from(waiting)
    waiting = ''
    hash.update(block)
    bytes += block.length
    for (let written = 0; written < block.length;)
      written += failing(name, () => writeSync(descriptor, block, written))
  }
  return {
    write(text) {
      waiting += text
      if (waiting.length > BUFFERED) flush()
    },
    finish() {
      flush()
      failing(name, () => {
        fsyncSync(descriptor)
        closeSync(descriptor)
        // Unlike a renaming, a link never takes the place of a file that has come meanwhile.
        linkSync(partial, path)
        rmSync(partial)
      })
      return { bytes, sha256: hash.digest('hex') }
    },
    discard() {
      rmSync(partial, { force: true })
    },
  }
}

function failing<T>(name: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    const code = systemErrorCode(error) ?? 'failed'
    throw new Failure('usage_invalid', `${name} cannot be written (${code})`, { cause: error })
  }
}
