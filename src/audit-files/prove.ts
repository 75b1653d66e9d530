/**
 * Proofs over a writer's log, from the hashes beside its segments: what each needs are the roots of a
 * few runs of leaves, each read once, with memory for as many hashes as the tree is deep.
 */

import { join } from 'node:path'
import { parseNote, isSignedBy, parseVkey } from '../audit/note.ts'
import {
  checkpointIn,
  isConsistent,
  isIncluded,
  leafHashOf,
  type ConsistencyProof,
  type InclusionProof,
} from '../audit/tlog-proof.ts'
import { consistencyRanges, splitOf } from '../audit/tlog-ranges.ts'
import type { Checkpoint } from '../audit/note.ts'
import { Failure } from '../base/errors.ts'
import { Frontier } from '../storage/journal/frontier.ts'
import { readLines } from '../storage/journal/lines.ts'
import { listHashes, listSegments, listWriters } from '../storage/journal/segment.ts'
import { glanceAt } from '../audit/glance.ts'
import { readIfThere } from './regular-file.ts'
import { StoredHashes } from './stored-hashes.ts'
import { KEY_FILE } from './verify.ts'

export interface LogPlace {
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly writer: string
}

/** That a record is in the log. Throws `not_found`, `audit_tampered`, `audit_unreadable`. */
export async function proveInclusion(place: LogPlace, seq: number): Promise<InclusionProof> {
  const { note, checkpoint } = newestOf(place)
  if (seq > checkpoint.size)
    throw new Failure(
      'not_found',
      `the newest checkpoint of ${place.writer} covers records 1 to ${checkpoint.size} only`,
    )
  const tree = await Leaves.open(place)
  try {
    const line = await lineOf(place, seq)
    const path = inclusionPath(seq - 1, [0, checkpoint.size], tree)
    const leaf = line ? leafHashOf(line) : tree.root(seq - 1, seq)
    if (!isIncluded({ index: seq - 1, leaf, path, checkpoint })) throw untrue(place)
    return { index: seq - 1, line, path, note }
  } finally {
    tree.close()
  }
}

/** That an older checkpoint is the beginning of the newest one. Throws as `proveInclusion`. */
export async function proveConsistency(
  place: LogPlace,
  older: Pick<Checkpoint, 'size' | 'root'>,
): Promise<ConsistencyProof> {
  const { note, checkpoint } = newestOf(place)
  if (older.size > checkpoint.size) throw untrue(place)
  const tree = await Leaves.open(place)
  try {
    const path =
      older.size === checkpoint.size ? [] : consistencyPath(older.size, checkpoint.size, tree)
    if (!isConsistent({ older, newer: checkpoint, path })) throw untrue(place)
    return { old: older.size, path, note }
  } finally {
    tree.close()
  }
}

/** The writer of a log by its origin, as `apistronghold/production/local`; throws `not_found`. */
export async function writerOf(directory: string, origin: string): Promise<string> {
  const writer = origin.slice(origin.lastIndexOf('/') + 1)
  if ((await listWriters(directory)).includes(writer)) return writer
  throw new Failure('not_found', `there is no log of ${origin} in ${directory}`)
}

/** The newest checkpoint, if it is signed by the key beside the logs. */
function newestOf({ directory, writer }: LogPlace) {
  const note = readIfThere(join(directory, writer, 'checkpoint'))
  const checkpoint = note === undefined ? undefined : checkpointIn(note)
  if (note === undefined || !checkpoint)
    throw new Failure('not_found', `there is no checkpoint of ${writer} in ${directory}`)
  const key = parseVkey(readIfThere(join(directory, KEY_FILE)) ?? '')
  const parsed = parseNote(note)
  if (key && parsed && !isSignedBy(parsed, { ...key, name: checkpoint.origin }))
    throw new Failure(
      'audit_tampered',
      `the checkpoint of ${writer} is not as it was signed: see \`apistronghold audit verify\``,
    )
  return { note, checkpoint }
}

const untrue = ({ writer }: LogPlace): Failure =>
  new Failure(
    'audit_tampered',
    `the log of ${writer} is not what was signed: \`apistronghold audit verify\` says where`,
  )

/** RFC 6962, 2.1.1, over the leaves of a range. */
function inclusionPath(
  index: number,
  [from, to]: readonly [number, number],
  tree: Leaves,
): Buffer[] {
  if (to - from <= 1) return []
  const middle = from + splitOf(to - from)
  return index < middle
    ? [...inclusionPath(index, [from, middle], tree), tree.root(middle, to)]
    : [...inclusionPath(index, [middle, to], tree), tree.root(from, middle)]
}

/** RFC 6962, 2.1.2. */
function consistencyPath(size: number, to: number, tree: Leaves): Buffer[] {
  return consistencyRanges(size, to).map(([first, end]) => tree.root(first, end))
}

/** The stored hashes of all records. */
class Leaves {
  readonly #parts: readonly StoredHashes[]

  private constructor(parts: readonly StoredHashes[]) {
    this.#parts = parts
  }

  static async open({ directory, writer }: LogPlace): Promise<Leaves> {
    const own = join(directory, writer)
    return new Leaves((await listHashes(own)).map((first) => StoredHashes.open(own, first)))
  }

  /** Over the leaves from one index, counted from 0, up to another. */
  root(from: number, to: number): Buffer {
    const tree = new Frontier()
    for (let seq = from + 1; seq <= to; seq++) {
      const stored = this.#parts.findLast(({ first }) => first <= seq)?.of(seq)
      if (!stored) throw new Failure('audit_unreadable', `the hash of record ${seq} is not here`)
      tree.append(stored)
    }
    return tree.root()
  }

  close(): void {
    for (const part of this.#parts) part.close()
  }
}

/** Undefined where it was retired. Throws `not_found` where it is missing. */
async function lineOf({ directory, writer }: LogPlace, seq: number): Promise<Buffer | undefined> {
  const segments = await listSegments(join(directory, writer))
  const segment = segments.findLast(({ first }) => first <= seq)
  if (!segment) return undefined
  for await (const lines of readLines(segment.path))
    for (const { bytes } of lines) if (glanceAt(bytes)?.sequence === seq) return Buffer.from(bytes)
  throw new Failure('not_found', `there is no record ${seq} of ${writer}`)
}
