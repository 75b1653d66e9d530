/**
 * What a writer's directory holds when it is opened: where to go on, what a crash tore off, and
 * which requests it left without an outcome.
 */

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
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
  /** The leaf hash of each of its lines, one after the other. */
  readonly hashes: Buffer
}

export interface Found {
  /** The sequence number that the next record gets. */
  readonly next: number
  readonly tail: Tail | undefined
  /** Requests with an intent and no outcome. */
  readonly open: readonly string[]
  readonly cuts: readonly Cut[]
}

export interface RecoveryParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  /** The last record that counts, where that is known: whoever waited for a later one was refused. */
  readonly acknowledged: number | undefined
}

/** Makes a directory sound after whatever ended the last writer, and says what is in it. */
export async function recoverSegments(parts: RecoveryParts): Promise<Found> {
  const { directory, files, acknowledged = Number.POSITIVE_INFINITY } = parts
  const cuts: Cut[] = []
  let next = 1
  for (const segment of [...(await listSegments(directory))].reverse()) {
    const content = await scan(segment, acknowledged)
    const cut = await cutTorn(segment, content.size, files)
    if (cut) cuts.push(cut)
    const { last, size, open, hashes } = content
    if (last) {
      const tail = { segment, size, hashes, newestAt: Date.parse(last.time) }
      return { next: Math.max(next, last.sequence + 1), tail, open, cuts }
    }
    // Opened, and nothing was ever written to it whole: the segment before is the last one.
    next = Math.max(next, segment.first)
    files.remove(segment.path)
  }
  return { next, tail: undefined, open: [], cuts }
}

interface Content {
  /** Bytes up to the end of the last whole record. */
  readonly size: number
  readonly last: Glance | undefined
  readonly open: readonly string[]
  readonly hashes: Buffer
}

async function scan({ path }: Segment, acknowledged: number): Promise<Content> {
  const open = new Set<string>()
  const hashes: Buffer[] = []
  let size = 0
  let lines = 0
  let last: Glance | undefined
  for await (const block of readLines(path)) {
    for (const { bytes, offset } of block) {
      hashes.push(leafHash(bytes))
      const glance = glanceAt(bytes)
      if (!glance || glance.sequence > acknowledged) continue
      last = glance
      lines = hashes.length
      size = offset + bytes.length + 1
      follow(open, glance, bytes)
    }
  }
  return { size, last, open: [...open], hashes: Buffer.concat(hashes.slice(0, lines)) }
}

const LEAF = Buffer.from([0])

/** RFC 6962: the hash of a zero and the line without its newline. */
function leafHash(line: Buffer): Buffer {
  return createHash('sha256').update(LEAF).update(line).digest()
}

/** The leaf hash of each line of a file, one after the other. */
export async function hashLines(path: string): Promise<Buffer> {
  const hashes: Buffer[] = []
  for await (const block of readLines(path))
    for (const { bytes } of block) hashes.push(leafHash(bytes))
  return Buffer.concat(hashes)
}

function follow(open: Set<string>, { kind, requestId }: Glance, bytes: Buffer): void {
  if (kind === 'segment') for (const id of openAtStart(bytes)) open.add(id)
  if (requestId === undefined) return
  if (kind === 'intent') open.add(requestId)
  if (kind === 'outcome') open.delete(requestId)
}

/** The requests that a segment's opening record names. */
export function openAtStart(bytes: Buffer): readonly string[] {
  const record: unknown = JSON.parse(bytes.toString('utf8'))
  const isStart = typeof record === 'object' && record !== null && 'open' in record
  return isStart && Array.isArray(record.open) ? record.open.map(String) : []
}

/**
 * Cuts what follows the last whole record, after copying it to `<segment>.<offset>.torn`. Zeros at
 * the end were room for more and nothing else.
 */
async function cutTorn(
  { first, path }: Segment,
  size: number,
  files: JournalFiles,
): Promise<Cut | undefined> {
  const { length, end } = await measureRest(path, size)
  if (length === size) return undefined
  const bytes = end - size
  if (bytes > 0)
    await pipeline(
      createReadStream(path, { start: size, end: end - 1 }),
      createWriteStream(`${path}.${size}.torn`, { flags: 'a', mode: 0o600, flush: true }),
    )
  const file = files.open(path)
  try {
    file.truncate(size)
  } finally {
    file.close()
  }
  return bytes > 0 ? { segment: first, offset: size, bytes } : undefined
}

const BLOCK_BYTES = 256 * 1024

/** The file's length, and where the zeros at its end begin. */
async function measureRest(path: string, from: number): Promise<{ length: number; end: number }> {
  const file = await open(path, 'r')
  try {
    const block = Buffer.allocUnsafe(BLOCK_BYTES)
    let end = from
    for (let length = from; ;) {
      const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, length)
      if (bytesRead === 0) return { length, end }
      const used = usedBytes(block.subarray(0, bytesRead))
      if (used > 0) end = length + used
      length += bytesRead
    }
  } finally {
    await file.close()
  }
}

function usedBytes(block: Buffer): number {
  let end = block.length
  while (end > 0 && block[end - 1] === 0) end--
  return end
}
