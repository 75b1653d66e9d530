/**
 * Takes in a segment that lies behind where the filler reads, since it was away when it was its turn.
 * No watch judges it: what it learnt since was learnt in the order of time.
 */

import { join } from 'node:path'
import { Batch, type BatchParts } from './batch.ts'
import type { Positions } from './positions.ts'
import type { UnreadSegment } from './presence.ts'
import { parseRecord } from './record-row.ts'
import { SegmentTail, type TailLine } from './segment-tail.ts'

export interface RestorationParts extends BatchParts {
  /** The journal's: one directory for each writer. */
  readonly directory: string
  readonly positions: Positions
  readonly segment: UnreadSegment
}

const BATCH_LINES = 4000
const BATCH_MS = 60

export class Restoration {
  readonly #parts: RestorationParts
  readonly #tail: SegmentTail
  /** The segment behind it, which has the ends of its last requests. */
  #successor: number | undefined

  constructor(parts: RestorationParts) {
    this.#parts = parts
    const { writer, first } = parts.segment
    this.#tail = new SegmentTail(join(parts.directory, writer), { first, offset: 0 })
  }

  /** A batch in one transaction; true when there is nothing more to take in. */
  step(): boolean {
    const { database, positions } = this.#parts
    const batch = new Batch(this.#parts)
    const deadline = performance.now() + BATCH_MS
    let isDone = false
    database.transaction(() => {
      for (let lines = 0; lines < BATCH_LINES && performance.now() < deadline; lines++) {
        const line = this.#tail.peek()
        isDone = !line || this.#isPast(line)
        if (!line || isDone) break
        this.#add(line, batch)
        this.#tail.take()
      }
      const rows = batch.write()
      positions.write()
      database.run("UPDATE meta SET value = value + ? WHERE name = 'records'", rows)
    })
    return isDone
  }

  close(): void {
    this.#tail.close()
  }

  #isPast({ first }: TailLine): boolean {
    const { segment } = this.#parts
    if (first === segment.first) return false
    this.#successor ??= first
    return first !== this.#successor
  }

  #add(line: TailLine, batch: Batch): void {
    const { positions, segment } = this.#parts
    const { glance, bytes, first } = line
    const isItsOwn = first === segment.first
    // A line that claims to be elsewhere would hide what is there.
    const isInside = glance.sequence >= segment.first && glance.sequence < segment.end
    if (isItsOwn ? !isInside : glance.kind !== 'outcome') return
    const record = parseRecord(bytes)
    const time = Date.parse(glance.time)
    if (!record || Number.isNaN(time)) return
    const writer = positions.of(segment.writer).id
    const taken = { time, seq: glance.sequence, bytes: line.offset + bytes.length + 1 }
    const id = positions.segmentOf(writer, first, taken)
    batch.add({ line, length: bytes.length, record, writer, segment: id })
  }
}
