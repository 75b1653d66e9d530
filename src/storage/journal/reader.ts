/**
 * Reads the journal back: all writers' segments as one stream in the order of time, each intent
 * with its outcome. Reads what it needs and no more, in blocks, beside a running journal.
 */

import { join } from 'node:path'
import type { AuditQuery, AuditReader, AuditRecord } from '../../audit/audit-reader.ts'
import { isAskedFor, needlesOf } from '../../audit/filter.ts'
import type { Now } from '../../base/clock.ts'
import { formatCursor, parseCursor, type Position } from './cursor.ts'
import { listWriters } from './segment.ts'
import { WriterStream, type Entry } from './writer-stream.ts'

export interface JournalReaderParts {
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly now: Now
}

/** Lines to look through for the outcomes of a page's intents; what ends later is shown as open. */
const OUTCOME_WINDOW_LINES = 100_000

/** A page is given as far as it is when looking for more takes longer. */
const PAGE_TIME_MS = 10_000

/** Times within one stream may run backwards so far. */
const CLOCK_SLACK_MS = 2000

export function createJournalReader({ directory, now }: JournalReaderParts): AuditReader {
  return {
    async query(query) {
      const scan = new Scan(query, await openStreams(directory, query))
      try {
        return await scan.run(() => now())
      } finally {
        await scan.close()
      }
    },
  }
}

async function openStreams(
  directory: string,
  { cursor, since }: AuditQuery,
): Promise<readonly WriterStream[]> {
  const positions = cursor === undefined ? new Map<string, Position>() : parseCursor(cursor)
  const writers = await listWriters(directory)
  return writers.map((writer) => {
    const position = positions.get(writer)
    return new WriterStream({ writer, directory: join(directory, writer), position, since })
  })
}

type Item = Record<string, unknown>

/** One page: the matching records, then as many lines more as their outcomes need. */
class Scan {
  readonly #query: AuditQuery
  readonly #streams: readonly WriterStream[]
  readonly #needles: readonly string[]
  readonly #items: Item[] = []
  /** Intents of this page whose outcome has not come by. */
  readonly #open = new Map<string, Item>()

  constructor(query: AuditQuery, streams: readonly WriterStream[]) {
    this.#query = query
    this.#streams = streams
    this.#needles = needlesOf(query)
  }

  async run(now: Now): Promise<{ items: readonly AuditRecord[]; nextCursor?: string }> {
    const deadline = now() + PAGE_TIME_MS
    let isDone = false
    while (this.#items.length < this.#query.limit && !isDone && now() < deadline)
      isDone = !(await this.#step())
    const nextCursor = isDone ? undefined : this.#cursor()
    await this.#findOutcomes()
    return { items: this.#items, ...(nextCursor !== undefined && { nextCursor }) }
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) await stream.close()
  }

  /** Takes the oldest entry; false when there is none that could be asked for. */
  async #step(): Promise<boolean> {
    const next = await this.#oldest()
    if (!next || this.#isPast(next.entry)) return false
    if (next.entry.glance.kind === 'outcome') this.#join(next.entry)
    else this.#collect(next.entry)
    next.stream.take()
    return true
  }

  async #findOutcomes(): Promise<void> {
    for (let lines = 0; this.#open.size > 0 && lines < OUTCOME_WINDOW_LINES; lines++) {
      const next = await this.#oldest()
      if (!next) return
      if (next.entry.glance.kind === 'outcome') this.#join(next.entry)
      next.stream.take()
    }
  }

  async #oldest(): Promise<{ stream: WriterStream; entry: Entry } | undefined> {
    let oldest: { stream: WriterStream; entry: Entry } | undefined
    for (const stream of this.#streams) {
      const entry = await stream.peek()
      if (entry && (!oldest || entry.glance.time < oldest.entry.glance.time))
        oldest = { stream, entry }
    }
    return oldest
  }

  #isPast({ glance }: Entry): boolean {
    const { until } = this.#query
    return until !== undefined && Date.parse(glance.time) >= until + CLOCK_SLACK_MS
  }

  #collect({ bytes, glance }: Entry): void {
    if (!this.#needles.every((needle) => bytes.includes(needle))) return
    const record = parseRecord(bytes)
    if (!record || !isAskedFor(record, this.#query)) return
    this.#items.push(record)
    if (glance.kind !== 'intent' || glance.requestId === undefined) return
    record.outcome = null
    this.#open.set(glance.requestId, record)
  }

  #join({ bytes, glance }: Entry): void {
    const item = this.#open.get(glance.requestId ?? '')
    if (!item) return
    item.outcome = parseRecord(bytes) ?? null
    this.#open.delete(glance.requestId ?? '')
  }

  #cursor(): string {
    const positions = this.#streams.flatMap(({ writer, position }) =>
      position ? [[writer, position] as const] : [],
    )
    return formatCursor(new Map(positions))
  }
}

function parseRecord(bytes: Buffer): Item | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
