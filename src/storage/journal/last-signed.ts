/** What a writer's log was signed for last: by the note beside it, and by the seal elsewhere. */

import { join } from 'node:path'
import { createReader, type Checkpoint, type Signing } from './checkpoint-note.ts'
import type { JournalFiles } from './files.ts'
import { readSeal } from './seal.ts'

export interface SignedParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  /** Undefined: nobody signs, and notes are believed as they are. */
  readonly sign: Signing | undefined
  /** Of the seal; undefined: there is none. */
  readonly sealPath: string | undefined
}

export interface LastSigned {
  /** The one over most records that holds, as its writer wrote it. */
  readonly newest: (Checkpoint & { readonly note: string }) | undefined
  /** What stands beside the log. */
  readonly note: 'sound' | 'missing' | 'invalid'
  /** Nothing was written behind the newest one. */
  readonly isClosed: boolean
}

export function readLastSigned(parts: SignedParts): LastSigned {
  const { directory, files, sign, sealPath } = parts
  const seal = readSeal(files, sealPath)
  const text = files.read(join(directory, 'checkpoint'))?.toString('utf8')
  const read = createReader(sign)
  const [beside, sealed] = [noteIn(text, read), noteIn(seal?.note, read)]
  const isClosed = seal?.isClosed === true && sealed !== undefined
  const note = beside ? 'sound' : withoutNote(text, sealed !== undefined && !isClosed)
  return { newest: longer(beside, sealed), note, isClosed }
}

type Newest = LastSigned['newest']

function noteIn(note: string | undefined, read: ReturnType<typeof createReader>): Newest {
  const checkpoint = note === undefined ? undefined : read(note)
  return checkpoint && note !== undefined ? { ...checkpoint, note } : undefined
}

const longer = (one: Newest, other: Newest): Newest =>
  one && one.size >= (other?.size ?? 0) ? one : other

/** A machine that lost its power may keep the name of a new file and nothing of what was in it. */
function withoutNote(text: string | undefined, mayBeEmptied: boolean): LastSigned['note'] {
  if (text === undefined) return 'missing'
  return mayBeEmptied && /^\0*$/.test(text) ? 'sound' : 'invalid'
}
