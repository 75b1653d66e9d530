/**
 * Pages: rows of the index in the order of time, each with its record out of the journal. Read in
 * slices that are short whatever is asked, so that the thread can do other things between them.
 */

import type { AuditPage, AuditQuery, AuditRecord } from '../../audit/audit-reader.ts'
import { Failure } from '../../base/errors.ts'
import { allOf, conditionsOf, type Condition } from './conditions.ts'
import type { IndexDatabase, Row } from './database.ts'
import type { Records } from './records.ts'

export interface PageParts {
  readonly database: IndexDatabase
  readonly records: Records
  /** Lets the thread do what is waiting. */
  readonly turn: () => Promise<void>
}

/** Entries of a key that one slice looks at: some milliseconds. */
const SLICE = 20_000

/** A page is given as far as it is when looking for more takes longer, or when it is large. */
const PAGE_TIME_MS = 1000
const PAGE_BYTES = 8 * 1024 * 1024

/** Where a record stands: time, writer, sequence number. */
type Position = readonly [time: number, writer: number, seq: number]

interface Ends {
  readonly start: Position
  readonly end: Position
}

export async function readPage(parts: PageParts, query: AuditQuery): Promise<AuditPage> {
  parts.records.refresh()
  const scan = new Scan(parts, query)
  const deadline = performance.now() + PAGE_TIME_MS
  while (scan.slice() && performance.now() < deadline) await parts.turn()
  return scan.page()
}

class Scan {
  readonly #parts: PageParts
  readonly #query: AuditQuery
  readonly #key: string
  readonly #keyed: Condition
  readonly #all: Condition
  readonly #end: Position
  readonly #items: AuditRecord[] = []
  #position: Position
  #bytes = 0
  #isDone = false

  constructor(parts: PageParts, query: AuditQuery) {
    const { key, others } = conditionsOf(query)
    this.#parts = parts
    this.#query = query
    this.#key = key ? `INDEXED BY ${key.index}` : ''
    this.#keyed = allOf(key ? [key.condition] : [])
    this.#all = allOf([this.#keyed, ...others])
    const { start, end } = endsOf(query)
    this.#position = query.cursor === undefined ? start : parseCursor(query.cursor)
    this.#end = end
  }

  /** Looks a little further; false when the page is whole. */
  slice(): boolean {
    const boundary = this.#boundary()
    const limit = Math.min(this.#query.limit - this.#items.length, 1000)
    const rows = this.#rows(boundary ?? this.#end, limit + 1)
    for (const row of rows.slice(0, limit)) {
      this.#position = positionOf(row)
      this.#take(row)
      if (this.#bytes > PAGE_BYTES) return false
    }
    if (rows.length > limit) return this.#items.length < this.#query.limit
    this.#isDone = boundary === undefined
    if (boundary) this.#position = boundary
    return !this.#isDone
  }

  page(): AuditPage {
    const endCursor = formatCursor(this.#position)
    const items = this.#items
    return this.#isDone ? { items, endCursor } : { items, endCursor, nextCursor: endCursor }
  }

  #take(row: Row): void {
    const found = this.#parts.records.read(row, this.#query)
    if (!found) return
    this.#items.push(found.record)
    this.#bytes += found.bytes
  }

  /** Where the slice ends; undefined when it reaches the end. */
  #boundary(): Position | undefined {
    const row = this.#parts.database.get(
      `SELECT time, writer, seq FROM record ${this.#key}
       WHERE ${this.#keyed.sql} AND ${this.#between} ORDER BY ${this.#order} LIMIT 1 OFFSET ${SLICE}`,
      ...this.#keyed.values,
      ...[...this.#position, ...this.#end],
    )
    return row && positionOf(row)
  }

  #rows(to: Position, limit: number): Row[] {
    return this.#parts.database.all(
      `SELECT time, writer, seq, segment, offset, length, end_segment, end_offset, end_length
       FROM record ${this.#key}
       WHERE ${this.#all.sql} AND ${this.#between} ORDER BY ${this.#order} LIMIT ${limit}`,
      ...this.#all.values,
      ...[...this.#position, ...to],
    )
  }

  get #isNewestFirst(): boolean {
    return this.#query.order === 'newest'
  }

  get #between(): string {
    const [after, upTo] = this.#isNewestFirst ? ['<', '>='] : ['>', '<=']
    return `(time, writer, seq) ${after} (?, ?, ?) AND (time, writer, seq) ${upTo} (?, ?, ?)`
  }

  get #order(): string {
    const way = this.#isNewestFirst ? 'DESC' : 'ASC'
    return `time ${way}, writer ${way}, seq ${way}`
  }
}

/** No writer has a number below zero: these stand before the first record of their instant. */
function endsOf({ since = 0, until = Number.MAX_SAFE_INTEGER, order }: AuditQuery): Ends {
  const [oldest, newest]: readonly [Position, Position] = [
    [since, -1, -1],
    [until, -1, -1],
  ]
  return order === 'newest' ? { start: newest, end: oldest } : { start: oldest, end: newest }
}

const positionOf = ({ time, writer, seq }: Row): Position => [
  Number(time),
  Number(writer),
  Number(seq),
]

function formatCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** Throws `usage_invalid` for text that is no cursor of ours. */
function parseCursor(text: string): Position {
  const json = Buffer.from(text, 'base64url').toString('latin1')
  const found = /^\[(\d{1,16}),(-?\d{1,10}),(-?\d{1,16})\]$/.exec(json)
  if (!found) throw new Failure('usage_invalid', 'the cursor is not one that we gave')
  return [Number(found[1]), Number(found[2]), Number(found[3])]
}
