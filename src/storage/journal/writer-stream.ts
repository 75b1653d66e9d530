/** One writer's records in order, over all of its segments, with a look at the next one. */

import { open } from 'node:fs/promises'
import { glanceAt, type Glance } from '../../audit/glance.ts'
import { systemErrorCode } from '../../base/errors.ts'
import type { Position } from './cursor.ts'
import { readLines, type RawLine } from './lines.ts'
import { listSegments, type Segment } from './segment.ts'

export interface Entry {
  readonly glance: Glance
  /** The line; valid until the next entry is asked for. */
  readonly bytes: Buffer
  /** Where the entry after it begins. */
  readonly next: Position
}

/** How far times may run backwards within one segment. */
const CLOCK_SLACK_MS = 2000

/** Enough of a segment's end to hold its last record, but for unusually long ones. */
const TAIL_BYTES = 64 * 1024

export interface StreamStart {
  readonly writer: string
  /** The writer's own directory. */
  readonly directory: string
  readonly position: Position | undefined
  /** Segments that end before it are not read. */
  readonly since: number | undefined
}

export class WriterStream {
  readonly writer: string
  readonly #entries: AsyncGenerator<readonly Entry[]>
  #block: readonly Entry[] = []
  #index = 0
  #position: Position | undefined

  constructor(start: StreamStart) {
    this.writer = start.writer
    this.#position = start.position
    this.#entries = entriesFrom(start)
  }

  /** Where the next reading of this writer has to begin; undefined before anything was taken. */
  get position(): Position | undefined {
    return this.#position
  }

  /** The next entry, which stays the next one until `take`; undefined at the end. */
  async peek(): Promise<Entry | undefined> {
    while (this.#index >= this.#block.length) {
      const block = await this.#entries.next()
      if (block.done) return undefined
      this.#block = block.value
      this.#index = 0
    }
    return this.#block[this.#index]
  }

  take(): void {
    this.#position = this.#block[this.#index]?.next
    this.#index++
  }

  async close(): Promise<void> {
    await this.#entries.return(undefined)
  }
}

async function* entriesFrom(start: StreamStart): AsyncGenerator<readonly Entry[]> {
  for (const segment of await segmentsFrom(start)) {
    const isFirst = segment.first === start.position?.first
    try {
      for await (const lines of readLines(segment.path, isFirst ? start.position.offset : 0))
        yield lines.flatMap((line) => entryOf(segment, line) ?? [])
    } catch (error) {
      // Retention may have removed it since it was listed.
      if (systemErrorCode(error) !== 'ENOENT') throw error
    }
  }
}

function entryOf({ first }: Segment, { bytes, offset }: RawLine): Entry | undefined {
  const glance = glanceAt(bytes)
  return glance && { glance, bytes, next: { first, offset: offset + bytes.length + 1 } }
}

async function segmentsFrom({
  directory,
  position,
  since,
}: StreamStart): Promise<readonly Segment[]> {
  const segments = await listSegments(directory)
  if (position) return segments.filter(({ first }) => first >= position.first)
  if (since === undefined) return segments
  let skipped = 0
  while (skipped < segments.length && (await endsBefore(segments[skipped], since))) skipped++
  return segments.slice(skipped)
}

async function endsBefore(segment: Segment | undefined, since: number): Promise<boolean> {
  const last = segment && (await lastGlance(segment.path))
  return last !== undefined && Date.parse(last.time) + CLOCK_SLACK_MS < since
}

/** Undefined when the last record cannot be told from the end of the file alone. */
async function lastGlance(path: string): Promise<Glance | undefined> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
    await file.read(buffer, 0, buffer.length, size - buffer.length)
    const end = buffer.lastIndexOf('\n')
    const start = end > 0 ? buffer.lastIndexOf('\n', end - 1) + 1 : 0
    return end > 0 ? glanceAt(buffer.subarray(start, end)) : undefined
  } finally {
    await file.close()
  }
}
