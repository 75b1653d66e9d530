/** The names of a writer's files, and the lists of them: `<first sequence number, 16 digits>.jsonl`. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/errors.ts'

const NAME = /^(\d{16})\.jsonl$/
const HASHES_NAME = /^(\d{16})\.hashes$/

export interface Segment {
  /** Sequence number of its first record. */
  readonly first: number
  readonly path: string
}

export function segmentPath(directory: string, first: number): string {
  return join(directory, `${String(first).padStart(16, '0')}.jsonl`)
}

/** Beside a segment: the leaf hash of each of its records. It stays when retention removes the segment. */
export function hashesPath(directory: string, first: number): string {
  return join(directory, `${String(first).padStart(16, '0')}.hashes`)
}

/** First sequence numbers of all segments whose hashes are here, in order. */
export async function listHashes(directory: string): Promise<readonly number[]> {
  const names = await entriesOf(directory)
  return names.flatMap((name) => Number(HASHES_NAME.exec(name)?.[1] ?? []) || []).sort(ascending)
}

/** The first sequence number of the segment that has this name; undefined when none has. */
export function parseSegmentName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const ascending = (one: number, other: number): number => one - other

/** A writer's segments, oldest first; none when the directory is not there. */
export async function listSegments(directory: string): Promise<readonly Segment[]> {
  const names = await entriesOf(directory)
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .sort()
    .map((first) => ({ first: Number(first), path: join(directory, `${first}.jsonl`) }))
}

/** The names of the writers that have a directory here. */
export async function listWriters(directory: string): Promise<readonly string[]> {
  const entries = await ifThere(readdir(directory, { withFileTypes: true }))
  return entries
    .filter((entry) => entry.isDirectory() && isWriterName(entry.name))
    .map(({ name }) => name)
    .sort()
}

/** A writer's name is a directory's: nothing that climbs or hides. */
export function isWriterName(name: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/.test(name)
}

const entriesOf = (directory: string): Promise<readonly string[]> => ifThere(readdir(directory))

/** Nothing, for a directory that is not there. */
async function ifThere<T>(entries: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await entries
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return []
    throw error
  }
}
