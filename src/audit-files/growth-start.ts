/** Which of the checkpoints in a kept file a log's growth is proven from, and checked against. */

import { join } from 'node:path'
import { parseVkey, type Checkpoint } from '../audit/note.ts'
import { checkpointIn } from '../audit/tlog-proof.ts'
import { err, ok, type Result } from '../base/result.ts'
import { readIfThere } from './regular-file.ts'
import type { KeptNote } from './kept-checkpoints.ts'
import { KEY_FILE } from './verify.ts'

export interface GrowthStart extends Checkpoint {
  readonly note: string
}

interface Asked {
  /** Holds one directory for each writer. */
  readonly directory: string
  /** Needed only where there are notes of several. */
  readonly writer: string | undefined
}

/** The newest one of a writer; those of another environment do not count. In words what is missing. */
export function findStart(
  notes: readonly KeptNote[],
  { directory, writer }: Asked,
): Result<GrowthStart, string> {
  const log = parseVkey(readIfThere(join(directory, KEY_FILE)) ?? '')?.name
  const known = startsOf(notes).filter(
    ({ origin }) => log === undefined || origin.startsWith(`${log}/`),
  )
  const asked = known.filter(({ origin }) => writer === undefined || writerIn(origin) === writer)
  const names = [...new Set(known.map(({ origin }) => writerIn(origin)))].join(', ')
  const [newest] = asked.toSorted((left, right) => right.size - left.size)
  if (!newest && names === '') return err(`holds no checkpoint of ${log ?? 'this audit'}`)
  if (!newest) return err(`holds no checkpoint of ${writer ?? ''}: it has those of ${names}`)
  if (asked.every(({ origin }) => origin === newest.origin)) return ok(newest)
  return err(`holds checkpoints of several writers: give --writer with one of ${names}`)
}

/** Those over just as many records of this log; more than one only where two do not agree. */
export function startsAt(
  notes: readonly KeptNote[],
  { origin, size }: Pick<Checkpoint, 'origin' | 'size'>,
): readonly GrowthStart[] {
  return startsOf(notes).filter((start) => start.origin === origin && start.size === size)
}

function startsOf(notes: readonly KeptNote[]): GrowthStart[] {
  return notes.flatMap(({ note }) => {
    const checkpoint = checkpointIn(note)
    return checkpoint ? [{ ...checkpoint, note }] : []
  })
}

/** As `writerOf` reads it. */
const writerIn = (origin: string): string => origin.slice(origin.lastIndexOf('/') + 1)
