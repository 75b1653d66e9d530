/** A file that only grows: one note after the other, so that it is its own history. */

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { readCheckpoint, splitNotes } from '../audit/signed-checkpoint.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { syncDirectory } from '../state-dir/durable-file.ts'
import { asRefusal } from './fault.ts'
import { newestOf, type AnchorPlace } from './place.ts'

const { O_RDONLY, O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK } = constants
const BEGINNING = 'apistronghold/'

/** Throws `refused` when it cannot be read, though it is there, or is somebody's other file. */
export function openFilePlace(path: string): AnchorPlace {
  const text = asRefusal(path, () => read(path))
  if (!isOurs(text))
    throw new Failure('refused', `${path} has something else in it than checkpoints`)
  const known = newestOf(splitNotes(text).flatMap((note) => readCheckpoint(note) ?? []))
  return {
    name: path,
    known,
    async write({ checkpoints }) {
      if (checkpoints.length === 0) return
      const notes = checkpoints.map(({ note }) => note).join('\n')
      asRefusal(path, () => {
        append(path, `${gapAfter(text)}${notes}`)
      })
    },
  }
}

/** Empty when there is none. A pipe or device has no history, and reading one might never end. */
function read(path: string): string {
  let file: number
  try {
    file = openSync(path, O_RDONLY | O_NONBLOCK)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return ''
    throw error
  }
  try {
    if (fstatSync(file).isFile()) return readFileSync(file, 'utf8')
    throw new Failure('refused', `${path} cannot be used: it is no regular file`)
  } finally {
    closeSync(file)
  }
}

/** Also one that a crash has torn after a few bytes. */
function isOurs(text: string): boolean {
  return text.slice(0, BEGINNING.length) === BEGINNING.slice(0, text.length)
}

/** An empty line between notes; also behind one that a crash has torn. */
function gapAfter(text: string): string {
  if (text === '') return ''
  return text.endsWith('\n') ? '\n' : '\n\n'
}

function append(path: string, text: string): void {
  const isNew = !existsSync(path)
  const file = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0o644)
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
