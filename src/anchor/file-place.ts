/** A file that only grows: one note after the other, so that it is its own history. */

import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { readCheckpoint, splitNotes } from '../audit/signed-checkpoint.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { newestOf, type AnchorPlace } from './place.ts'

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK

/** Throws `refused` when it cannot be read, though it is there. */
export function openFilePlace(path: string): AnchorPlace {
  const text = failing(path, () => (existsSync(path) ? readFileSync(path, 'utf8') : ''))
  const known = newestOf(splitNotes(text).flatMap((note) => readCheckpoint(note) ?? []))
  return {
    name: path,
    known,
    async write({ checkpoints }) {
      if (checkpoints.length === 0) return
      const notes = checkpoints.map(({ note }) => note).join('\n')
      failing(path, () => {
        append(path, `${gapAfter(text)}${notes}`)
      })
    },
  }
}

/** An empty line between notes; also behind one that a crash has torn. */
function gapAfter(text: string): string {
  if (text === '') return ''
  return text.endsWith('\n') ? '\n' : '\n\n'
}

function append(path: string, text: string): void {
  const isNew = !existsSync(path)
  const file = openSync(path, FLAGS, 0o644)
  try {
    const bytes = Buffer.from(text)
    // One call, so that whoever appends at the same time comes before it or after it.
    if (writeSync(file, bytes) !== bytes.length)
      throw new Failure('refused', `${path} took a part only: is its disk full?`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (isNew) syncDirectory(dirname(path))
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function failing<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof Failure) throw error
    const why = systemErrorCode(error) ?? 'it failed'
    throw new Failure('refused', `${path} cannot be used: ${why}`)
  }
}
