/**
 * Retention: a writer's oldest segments, once all of their records are too old. The hashes beside
 * them stay, so that everything after them can still be verified. Only whole segments go, only what
 * a checkpoint covers, only from the oldest on, and never one whose records are not what their
 * hashes say: that one is evidence.
 */

import { open, readdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { glanceAt } from '../../audit/glance.ts'
import { systemErrorCode } from '../../base/errors.ts'
import { readCheckpoint } from './checkpoint-note.ts'
import { nodeFiles } from './files.ts'
import { HASH_BYTES } from './frontier.ts'
import { readLines } from './lines.ts'
import { hashLines, openAtStart } from './recovery.ts'
import { hashesPath, listSegments, listWriters, type Segment } from './segment.ts'

/** Segments of one writer that are due, the oldest first. */
export interface DueSegments {
  readonly writer: string
  readonly paths: readonly string[]
  /** Sequence numbers. */
  readonly first: number
  readonly last: number
  /** Times of the first and the last record, epoch milliseconds. */
  readonly from: number
  readonly to: number
}

export interface RetentionOrder {
  /** Holds one directory for each writer. */
  readonly directory: string
  /** Segments with nothing from then on may go; epoch milliseconds. */
  readonly before: number
  /** Of each writer, in one run. */
  readonly mostSegments: number
  /** A segment that is old enough and has to stay. */
  readonly onKept: (kept: KeptSegment) => void
}

export interface KeptSegment {
  readonly writer: string
  readonly segment: string
  readonly why: 'not_covered' | 'hashes_missing' | 'hashes_differ' | 'request_open'
}

/** What is due of each writer, those that nobody writes any more included. */
export async function* findDue(order: RetentionOrder): AsyncGenerator<DueSegments> {
  for (const writer of await listWriters(order.directory)) {
    const found = await findDueOf(writer, order)
    if (found) yield found
  }
}

/** What removing needs of a file system: a seam for faults. */
export interface RemovingFiles {
  unlink(path: string): Promise<void>
  /** Returns once what is gone stays gone. */
  syncDirectory(path: string): Promise<void>
}

/**
 * Removes the segments, with what crashes tore off them. Killed in between, it is to be called
 * again with what is left; what is gone already is no error.
 */
export async function removeDue(
  { paths }: DueSegments,
  files: RemovingFiles = removingFiles,
): Promise<void> {
  for (const path of paths)
    for (const each of [...(await tornOf(path)), path]) await removeIfThere(each, files)
  const [path] = paths
  if (path !== undefined) await files.syncDirectory(dirname(path))
}

const removingFiles: RemovingFiles = {
  unlink,
  async syncDirectory(path) {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

/** When a record was last written, by any writer; epoch milliseconds, undefined for never. */
export async function lastWriteAt(directory: string): Promise<number | undefined> {
  const times: number[] = []
  for (const writer of await listWriters(directory)) {
    const last = (await listSegments(join(directory, writer))).at(-1)
    if (last) times.push((await stat(last.path)).mtimeMs)
  }
  return times.length === 0 ? undefined : Math.max(...times)
}

/** Time of a writer's newest record, epoch milliseconds; undefined when there is none. */
export async function newestRecordAt(
  directory: string,
  writer: string,
): Promise<number | undefined> {
  const newest = (await listSegments(join(directory, writer))).at(-1)
  return newest && (await spanOf(newest.path))?.to
}

async function findDueOf(writer: string, order: RetentionOrder): Promise<DueSegments | undefined> {
  const own = join(order.directory, writer)
  const segments = await listSegments(own)
  const covered = coveredIn(own)
  const stillOpen = await openWhenItBegan(segments.at(-1))
  const spans: DueSegment[] = []
  // The newest one stays: records go there, or will.
  for (const [index, segment] of segments.slice(0, -1).entries()) {
    const next = segments[index + 1]
    if (!next || spans.length >= order.mostSegments) break
    const span = await spanOf(segment.path)
    if (!span || span.to >= order.before) break
    const why = await reasonToKeep({ segment, next, covered, stillOpen })
    if (why) {
      order.onKept({ writer, segment: basename(segment.path), why })
      break
    }
    spans.push({ ...span, path: segment.path, first: segment.first, last: next.first - 1 })
  }
  return joined(writer, spans)
}

interface DueSegment extends Span {
  readonly path: string
  readonly first: number
  readonly last: number
}

function joined(writer: string, segments: readonly DueSegment[]): DueSegments | undefined {
  const [oldest] = segments
  const newest = segments.at(-1)
  if (!oldest || !newest) return undefined
  const paths = segments.map(({ path }) => path)
  const to = Math.max(...segments.map((one) => one.to))
  return { writer, paths, first: oldest.first, last: newest.last, from: oldest.from, to }
}

/** Records that the newest checkpoint covers. */
function coveredIn(own: string): number {
  const note = nodeFiles.read(join(own, 'checkpoint'))
  return (note && readCheckpoint(note.toString('utf8')))?.size ?? 0
}

interface Candidate {
  readonly segment: Segment
  readonly next: Segment
  /** Records that the newest checkpoint covers. */
  readonly covered: number
  /** Requests that were under way when the newest segment began. */
  readonly stillOpen: ReadonlySet<string>
}

async function reasonToKeep({
  segment,
  next,
  covered,
  stillOpen,
}: Candidate): Promise<KeptSegment['why'] | undefined> {
  if (covered < next.first - 1) return 'not_covered'
  for (const id of await openWhenItBegan(next)) if (stillOpen.has(id)) return 'request_open'
  const stored = nodeFiles.read(hashesPath(dirname(segment.path), segment.first))
  if (stored?.length !== (next.first - segment.first) * HASH_BYTES) return 'hashes_missing'
  const found = await hashLines(segment.path)
  return found.equals(stored) ? undefined : 'hashes_differ'
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Times of the first and the newest record; undefined for a segment without any. */
async function spanOf(path: string): Promise<Span | undefined> {
  let from: number | undefined
  let to = Number.NEGATIVE_INFINITY
  for await (const lines of readLines(path))
    for (const { bytes } of lines) {
      const time = Date.parse(glanceAt(bytes)?.time ?? '')
      if (Number.isNaN(time)) continue
      from ??= time
      to = Math.max(to, time)
    }
  return from === undefined ? undefined : { from, to }
}

/** The requests that the first records of a segment name. */
async function openWhenItBegan(segment: Segment | undefined): Promise<ReadonlySet<string>> {
  const open = new Set<string>()
  if (!segment) return open
  for await (const lines of readLines(segment.path))
    for (const { bytes } of lines) {
      if (glanceAt(bytes)?.kind !== 'segment') return open
      for (const id of openAtStart(bytes)) open.add(id)
    }
  return open
}

async function tornOf(path: string): Promise<readonly string[]> {
  const name = `${basename(path)}.`
  const names = await readdir(dirname(path))
  return names
    .filter((one) => one.startsWith(name) && /\.(?:torn|stray)$/.test(one))
    .map((one) => join(dirname(path), one))
}

async function removeIfThere(path: string, files: RemovingFiles): Promise<void> {
  try {
    await files.unlink(path)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
}
