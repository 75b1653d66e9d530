/** How far each writer was read, and which of its segments have rows. */

import { createHash } from 'node:crypto'
import type { IndexDatabase } from './database.ts'
import type { Place } from './segment-tail.ts'

export interface Position extends Place {
  readonly id: number
  /** Number of the last record that was taken in. */
  readonly seq: number
}

interface SegmentState {
  readonly id: number
  oldest: number
  newest: number
  last: number
  bytes: number
}

/** What is taken in of a segment. */
export interface Taken {
  readonly time: number
  readonly seq: number
  /** Where it ends. */
  readonly bytes: number
}

/** Reads what is stored once; from then on this is the only one that changes it. */
export class Positions {
  readonly #database: IndexDatabase
  readonly #writers = new Map<string, Position>()
  readonly #segments = new Map<string, SegmentState>()
  readonly #changed = new Set<SegmentState>()

  constructor(database: IndexDatabase) {
    this.#database = database
    for (const row of database.all('SELECT id, name, first, offset, seq FROM writer'))
      this.#writers.set(String(row['name']), {
        ...{ id: Number(row['id']), first: Number(row['first']) },
        ...{ offset: Number(row['offset']), seq: Number(row['seq']) },
      })
  }

  get starts(): ReadonlyMap<string, Position> {
    return this.#writers
  }

  of(writer: string): Position {
    const known = this.#writers.get(writer)
    if (known) return known
    const made = { id: this.#freeId(writer), first: 0, offset: 0, seq: 0 }
    this.#writers.set(writer, made)
    return made
  }

  advance(writer: string, place: Omit<Position, 'id'>): void {
    this.#writers.set(writer, { ...this.of(writer), ...place })
  }

  /** The number of a segment, one of whose records this is. */
  segmentOf(writer: number, first: number, { time, seq, bytes }: Taken): number {
    const key = `${writer} ${first}`
    let segment = this.#segments.get(key)
    if (!segment) this.#segments.set(key, (segment = this.#load(writer, first, time)))
    if (time < segment.oldest) segment.oldest = time
    if (time > segment.newest) segment.newest = time
    if (seq > segment.last) segment.last = seq
    if (bytes > segment.bytes) segment.bytes = bytes
    this.#changed.add(segment)
    return segment.id
  }

  /** Of a segment that was taken out, and may be taken in again. */
  forget(segment: number): void {
    for (const [key, { id }] of this.#segments) if (id === segment) this.#segments.delete(key)
  }

  /** Within the transaction of the rows. */
  write(): void {
    for (const [name, { id, first, offset, seq }] of this.#writers)
      this.#database.run(
        'INSERT OR REPLACE INTO writer VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        first,
        offset,
        seq,
      )
    for (const { id, oldest, newest, last, bytes } of this.#changed)
      this.#database.run(
        'UPDATE segment SET oldest = ?, newest = ?, last = ?, bytes = ? WHERE id = ?',
        ...[oldest, newest, last, bytes, id],
      )
    this.#changed.clear()
  }

  #load(writer: number, first: number, time: number): SegmentState {
    this.#database.run(
      `INSERT OR IGNORE INTO segment (writer, first, oldest, newest, last, bytes)
       VALUES (?, ?, ?, ?, 0, 0)`,
      ...[writer, first, time, time],
    )
    const row = this.#database.get(
      'SELECT id, oldest, newest, last, bytes FROM segment WHERE writer = ? AND first = ?',
      ...[writer, first],
    )
    const { id, oldest, newest, last, bytes } = row ?? {}
    const times = { oldest: Number(oldest), newest: Number(newest) }
    return { id: Number(id), ...times, last: Number(last), bytes: Number(bytes) }
  }

  /** From the name alone, so that records of the same instant stand in the same order in any index. */
  #freeId(writer: string): number {
    const taken = new Set([...this.#writers.values()].map(({ id }) => id))
    let id = createHash('sha256').update(writer).digest().readUInt32BE() >>> 1
    while (taken.has(id)) id++
    return id
  }
}
