/** From a row to the record in the journal, an intent with its outcome. */

import type { AuditFilter, AuditRecord } from '../../audit/audit-reader.ts'
import { quote } from '../../audit/text.ts'
import type { IndexDatabase, Row } from './database.ts'
import type { LineReader, Location } from './line-reader.ts'
import { parseRecord } from './record-row.ts'

export interface ReadRecord {
  readonly record: AuditRecord
  readonly bytes: number
}

type Cell = Row[string] | undefined
type Segment = Pick<Location, 'writer' | 'first'>

export class Records {
  readonly #database: IndexDatabase
  readonly #lines: LineReader
  readonly #segments = new Map<number, Segment>()

  constructor(database: IndexDatabase, lines: LineReader) {
    this.#database = database
    this.#lines = lines
  }

  /** Forgets what was read: segments may have been taken back, or removed. */
  refresh(): void {
    this.#lines.close()
    this.#segments.clear()
  }

  /** Undefined when its segment is gone, or when it is not what is asked for after all. */
  read(row: Row, filter: AuditFilter): ReadRecord | undefined {
    const line = this.#line(row['segment'], row['offset'], row['length'])
    if (!line) return undefined
    const end = this.#line(row['end_segment'], row['end_offset'], row['end_length'])
    const lines = end ? [line, end] : [line]
    if (!hasText(lines, filter)) return undefined
    const record = parseRecord(line)
    if (!record || !isOfRequest(record, filter)) return undefined
    const outcome = (end && parseRecord(end)) ?? null
    return {
      record: record.kind === 'intent' ? { ...record, outcome } : record,
      bytes: lines.reduce((sum, { length }) => sum + length, 0),
    }
  }

  #line(segmentId: Cell, offset: Cell, length: Cell): Buffer | undefined {
    if (typeof segmentId !== 'number') return undefined
    const segment = this.#segmentOf(segmentId)
    return (
      segment && this.#lines.read({ ...segment, offset: Number(offset), length: Number(length) })
    )
  }

  #segmentOf(id: number): Segment | undefined {
    const known = this.#segments.get(id)
    if (known) return known
    const row = this.#database.get(
      `SELECT name, segment.first FROM segment JOIN writer ON writer.id = segment.writer
       WHERE segment.id = ?`,
      id,
    )
    if (!row) return undefined
    const segment = { writer: String(row['name']), first: Number(row['first']) }
    this.#segments.set(id, segment)
    return segment
  }
}

function hasText(lines: readonly Buffer[], { text }: AuditFilter): boolean {
  return text === undefined || lines.some((line) => contains(line, text))
}

function isOfRequest(record: AuditRecord, { requestId }: AuditFilter): boolean {
  return requestId === undefined || record.requestId === requestId
}

/** As it is written in the line: quotes, backslashes and what is invisible as escapes. */
function contains(line: Buffer, text: string): boolean {
  const needle = quote(text, text.length).slice(1, -1)
  const isAscii = !/[^ -~]/.test(needle)
  return line
    .toString(isAscii ? 'latin1' : 'utf8')
    .toLowerCase()
    .includes(needle.toLowerCase())
}
