/**
 * Takes the journal's lines into the index, a batch in one transaction: rows, sums, what the watch
 * learnt and found, and how far it came. Whoever stops in between goes on where the last batch ended.
 */

import type { KeyedFinding } from '../../insight/alert.ts'
import type { Watch } from '../../insight/watch.ts'
import { Batch } from './batch.ts'
import type { AuditRecord } from '../../audit/audit-reader.ts'
import type { IndexDatabase, Row } from './database.ts'
import { forgetSegment } from './forget.ts'
import { JournalTail, type Next } from './journal-tail.ts'
import { OpenRequests } from './open-requests.ts'
import { Positions } from './positions.ts'
import {
  retiredSegments,
  type IndexedSegment,
  type UnreadSegment,
  type WriterPresence,
} from './presence.ts'
import { parseRecord, retiredBefore, retirementIn } from './record-row.ts'
import { Restoration } from './restoration.ts'
import { Terms } from './terms.ts'

export interface FillerParts {
  readonly database: IndexDatabase
  /** The journal's: one directory for each writer. */
  readonly directory: string
  readonly watch: Watch
  /** Findings in records that are older are of no use to anybody any more. */
  readonly startedAt: number
}

/** Large enough that a transaction is little beside its rows, small enough that queries wait little. */
const BATCH_LINES = 4000
const BATCH_MS = 60

const RETIRE = `
INSERT INTO retired VALUES (?, ?) ON CONFLICT DO UPDATE SET through = max(through, excluded.through)`

const segmentOf = (row: Row): IndexedSegment => ({
  ...{ id: Number(row['id']), first: Number(row['first']), last: Number(row['last']) },
  bytes: Number(row['bytes']),
  ...{ oldest: Number(row['oldest']), newest: Number(row['newest']) },
})

export class Filler {
  readonly #parts: FillerParts
  readonly #positions: Positions
  readonly #terms: Terms
  readonly #open: OpenRequests
  readonly #tail: JournalTail

  constructor(parts: FillerParts) {
    this.#parts = parts
    this.#positions = new Positions(parts.database)
    this.#terms = new Terms(parts.database)
    this.#open = new OpenRequests(parts.database)
    this.#tail = new JournalTail(parts.directory, this.#positions.starts)
    this.#tail.discover()
  }

  /** One batch. `isAtEnd` when everything is in that was written. */
  fill(): { readonly isAtEnd: boolean; readonly found: readonly KeyedFinding[] } {
    const { database } = this.#parts
    const batch = new Batch({ database, terms: this.#terms, open: this.#open })
    const found: KeyedFinding[] = []
    const deadline = performance.now() + BATCH_MS
    let isAtEnd = false
    if (!this.#tail.peek()) return { isAtEnd: true, found }
    database.transaction(() => {
      for (let lines = 0; lines < BATCH_LINES && performance.now() < deadline; lines++) {
        const next = this.#tail.peek()
        isAtEnd = next === undefined
        if (!next) break
        this.#add(next, batch, found)
        this.#tail.take(next)
      }
      this.#write(batch, found)
    })
    return { isAtEnd, found }
  }

  /** New writers; false when lines that were taken in are no longer in the journal. */
  look(): boolean {
    this.#tail.discover()
    return [...this.#tail.tails.values()].every((tail) => tail.isSound())
  }

  /** Segments in the index that the journal took back, or that retention has removed and said so. */
  staleSegments(): readonly number[] {
    return this.presences().flatMap((presence) => {
      const stale = [...retiredSegments(presence), ...this.#takenBack(presence)]
      return stale.map(({ id }) => id)
    })
  }

  /** Of each writer whose records were ever taken in. */
  presences(): readonly WriterPresence[] {
    const { database } = this.#parts
    const segments = database.all(
      'SELECT id, writer, first, last, bytes, oldest, newest FROM segment ORDER BY first',
    )
    const retired = new Map(
      database
        .all('SELECT writer, through FROM retired')
        .map(({ writer, through }) => [String(writer), Number(through)]),
    )
    return [...this.#positions.starts].map(([writer, { id, seq, first }]) => ({
      ...{ writer, seq, reading: first },
      segments: segments.filter((row) => Number(row['writer']) === id).map(segmentOf),
      listed: this.#tail.tails.get(writer)?.segments ?? [],
      retiredThrough: retired.get(writer) ?? 0,
    }))
  }

  restore(segment: UnreadSegment): Restoration {
    if (segment.known) this.forget(segment.known.id)
    const { database, directory } = this.#parts
    const shared = { database, terms: this.#terms, open: this.#open, positions: this.#positions }
    return new Restoration({ ...shared, directory, segment })
  }

  forget(segment: number): void {
    forgetSegment(this.#parts.database, segment)
    this.#positions.forget(segment)
  }

  behindBytes(): number {
    return this.#tail.behindBytes()
  }

  close(): void {
    this.#tail.close()
  }

  #takenBack({ writer, segments }: WriterPresence): readonly IndexedSegment[] {
    const tail = this.#tail.tails.get(writer)
    if (!tail || tail.isSound()) return []
    return segments.filter(({ first }) => tail.place.first === first)
  }

  #add({ writer, line }: Next, batch: Batch, found: KeyedFinding[]): void {
    const { id, seq } = this.#positions.of(writer)
    const { glance, bytes, first, offset } = line
    const record = glance.sequence > seq ? parseRecord(bytes) : undefined
    // Numbers are missing at most between segments: one that claims more must not hide what follows.
    const isNext = record && (offset === 0 || glance.sequence === seq + 1)
    this.#positions.advance(writer, {
      ...{ first, offset: offset + bytes.length + 1 },
      seq: isNext ? glance.sequence : seq,
    })
    if (!record) return
    const time = Date.parse(glance.time)
    if (Number.isNaN(time)) return
    const taken = { time, seq: glance.sequence, bytes: offset + bytes.length + 1 }
    const segment = this.#positions.segmentOf(id, first, taken)
    batch.add({ line, length: bytes.length, record, writer: id, segment })
    this.#noteRetired(record)
    for (const finding of this.#parts.watch.observe(record))
      if (time >= this.#parts.startedAt)
        found.push({ ...finding, key: `${writer}:${glance.sequence}:${finding.rule}` })
  }

  #noteRetired(record: AuditRecord): void {
    const { database } = this.#parts
    const before = retiredBefore(record)
    const update = "UPDATE meta SET value = max(value, ?) WHERE name = 'retired_before'"
    if (before !== undefined) database.run(update, before)
    const retirement = retirementIn(record)
    if (retirement) database.run(RETIRE, retirement.writer, retirement.through)
  }

  #write(batch: Batch, found: readonly KeyedFinding[]): void {
    const { database, watch } = this.#parts
    const rows = batch.write()
    this.#positions.write()
    database.run("UPDATE meta SET value = value + ? WHERE name = 'records'", rows)
    for (const [subject, value] of watch.takeLearnt())
      database.run('INSERT OR REPLACE INTO learnt VALUES (?, ?)', subject, JSON.stringify(value))
    for (const finding of found)
      database.run(
        'INSERT OR IGNORE INTO finding VALUES (?, ?)',
        finding.key,
        JSON.stringify(finding),
      )
  }
}
