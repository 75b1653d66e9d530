/**
 * What a journal's directory holds when it is opened: where to go on, what a crash tore off, and
 * which requests it left without an outcome.
 */

import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { glanceAt, type Glance } from '../../audit/glance.ts'
import type { JournalFiles } from './files.ts'
import { readLines } from './lines.ts'
import { listSegments, type Segment } from './segment.ts'

/** Bytes after the last whole record: never acknowledged, and kept beside the segment. */
export interface Cut {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

/** The segment to go on with. */
export interface Tail {
  readonly segment: Segment
  readonly size: number
  /** Time of its last record, epoch milliseconds. */
  readonly newestAt: number
}

export interface Found {
  /** The sequence number that the next record gets. */
  readonly next: number
  readonly tail: Tail | undefined
  /** Requests with an intent and no outcome. */
  readonly open: readonly string[]
  readonly cuts: readonly Cut[]
}

/** Makes a directory sound after whatever ended the last process, and says what is in it. */
export async function recoverSegments(directory: string, files: JournalFiles): Promise<Found> {
  const cuts: Cut[] = []
  let next = 1
  for (const segment of [...(await listSegments(directory))].reverse()) {
    const content = await scan(segment)
    const cut = await cutTorn(segment, content.size, files)
    if (cut) cuts.push(cut)
    if (content.last) {
      const tail = { segment, size: content.size, newestAt: Date.parse(content.last.time) }
      return { next: Math.max(next, content.last.sequence + 1), tail, open: content.open, cuts }
    }
    // Opened, and nothing was ever written to it whole: the segment before is the last one.
    next = Math.max(next, segment.first)
    await files.remove(segment.path)
  }
  return { next, tail: undefined, open: [], cuts }
}

interface Content {
  /** Bytes up to the end of the last whole record. */
  readonly size: number
  readonly last: Glance | undefined
  readonly open: readonly string[]
}

async function scan({ path }: Segment): Promise<Content> {
  const open = new Set<string>()
  let size = 0
  let last: Glance | undefined
  for await (const lines of readLines(path)) {
    for (const { bytes, offset } of lines) {
      const glance = glanceAt(bytes)
      if (!glance) continue
      last = glance
      size = offset + bytes.length + 1
      follow(open, glance, bytes)
    }
  }
  return { size, last, open: [...open] }
}

function follow(open: Set<string>, { kind, requestId }: Glance, bytes: Buffer): void {
  if (kind === 'segment') for (const id of openAtStart(bytes)) open.add(id)
  if (requestId === undefined) return
  if (kind === 'intent') open.add(requestId)
  if (kind === 'outcome') open.delete(requestId)
}

function openAtStart(bytes: Buffer): readonly string[] {
  const record: unknown = JSON.parse(bytes.toString('utf8'))
  const isStart = typeof record === 'object' && record !== null && 'open' in record
  return isStart && Array.isArray(record.open) ? record.open.map(String) : []
}

/** Cuts what follows the last whole record, after copying it to `<segment>.<offset>.torn`. */
async function cutTorn(
  { first, path }: Segment,
  size: number,
  files: JournalFiles,
): Promise<Cut | undefined> {
  const bytes = (await stat(path)).size - size
  if (bytes <= 0) return undefined
  await pipeline(
    createReadStream(path, { start: size }),
    createWriteStream(`${path}.${size}.torn`, { flags: 'a', mode: 0o600, flush: true }),
  )
  const file = await files.open(path)
  try {
    await file.truncate(size)
  } finally {
    await file.close()
  }
  return { segment: first, offset: size, bytes }
}
