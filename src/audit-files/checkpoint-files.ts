/** The checkpoints in a writer's directory, and where the journal noted that its tree stood. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  isSignedBy,
  parseCheckpoint,
  parseNote,
  type Checkpoint,
  type NamedKey,
} from '../audit/note.ts'
import { err, ok, type Result } from '../base/result.ts'
import { Frontier } from '../storage/journal/frontier.ts'
import { readIfThere } from './regular-file.ts'
import type { SignedSize } from './tree-check.ts'

/** The newest one, and those that the journal set aside since its records did not agree with them. */
const CHECKPOINT = /^checkpoint(?:\.\d+\.unmatched)?$/

export interface CheckpointFile {
  readonly source: string
  readonly note: string
}

/** The name of a writer's log, under the name of the key that signs for all of them. */
export const originOf = ({ name }: NamedKey, writer: string): string => `${name}/${writer}`

export function readCheckpoints(directory: string): readonly CheckpointFile[] {
  return readdirSync(directory)
    .filter((name) => CHECKPOINT.test(name))
    .sort()
    .flatMap((source) => {
      const note = readIfThere(join(directory, source))
      return note === undefined ? [] : [{ source, note }]
    })
}

/** What a note says that is this log's and signed by this key; else what is wrong with it. */
export function checkNote(
  note: string,
  { publicKey }: NamedKey,
  origin: string,
): Result<Checkpoint, string> {
  const parsed = parseNote(note)
  const checkpoint = parsed && parseCheckpoint(parsed.text)
  if (!parsed || !checkpoint) return err('is no signed checkpoint')
  if (checkpoint.origin !== origin) return err(`is of another log than ${origin}`)
  if (!isSignedBy(parsed, { name: origin, publicKey }))
    return err('is not as it was signed, or not signed by this key')
  return ok(checkpoint)
}

/** Undefined where there is none; an error for what the journal never wrote. */
export function readFrontier(directory: string): Result<SignedSize | undefined, string> {
  const text = readIfThere(join(directory, 'frontier'))
  if (text === undefined) return ok(undefined)
  const frontier = Frontier.parse(text)
  if (!frontier) return err('"frontier" is nothing that the journal wrote: it was changed')
  return ok({ size: frontier.size, root: frontier.root(), source: 'frontier' })
}
