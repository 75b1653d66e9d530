/**
 * Brings the index in line with the journal's files, in small steps: what retention removed goes, what
 * was away and is back comes in, and what is missing for no known reason stays and is said.
 */

import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../base/log.ts'
import { segmentPath } from '../journal/segment.ts'
import type { Filler } from './filler.ts'
import type { LineReader } from './line-reader.ts'
import { missingRecords, unreadSegments, type UnreadSegment } from './presence.ts'
import type { Restoration } from './restoration.ts'

export interface SweeperParts {
  /** The journal's: one directory for each writer. */
  readonly directory: string
  readonly log: Log
  readonly filler: Filler
  readonly lines: LineReader
}

export class Sweeper {
  readonly #parts: SweeperParts
  /** What was read once and did not become whole by that, as it was then. */
  readonly #tried = new Set<string>()
  #restoration: Restoration | undefined
  /** What was missing the last time, and of which it was said. */
  #missed: ReadonlyMap<string, boolean> = new Map()

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** True when there is more to do. */
  step(): boolean {
    if (this.#restoration) return this.#restore(this.#restoration)
    if (this.forgetOne()) return true
    const unread = this.#unread()
    if (!unread) {
      this.#tellMissing()
      return false
    }
    this.#parts.lines.close()
    this.#restoration = this.#parts.filler.restore(unread)
    return true
  }

  /** Takes a segment out that is no longer in the journal; true when there are more of them. */
  forgetOne(): boolean {
    const { filler, lines } = this.#parts
    const [segment, ...others] = filler.staleSegments()
    if (segment === undefined) return false
    lines.close() // an open file would keep its room on the disk
    filler.forget(segment)
    return others.length > 0
  }

  close(): void {
    this.#restoration?.close()
    this.#restoration = undefined
  }

  #restore(restoration: Restoration): boolean {
    if (restoration.step()) this.close()
    return true
  }

  #unread(): UnreadSegment | undefined {
    for (const unread of this.#parts.filler.presences().flatMap(unreadSegments)) {
      const { writer, first, known } = unread
      const path = segmentPath(join(this.#parts.directory, writer), first)
      const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
      const name = `${writer} ${first} ${bytes}`
      if (bytes <= (known?.bytes ?? 0) || this.#tried.has(name)) continue
      this.#tried.add(name)
      return unread
    }
    return undefined
  }

  /** Of what was missing twice: a file may go just before the record of that comes in. */
  #tellMissing(): void {
    const missing = this.#parts.filler.presences().flatMap(missingRecords)
    const told = missing.map(({ writer, first, last }) => {
      const name = `${writer} ${first}`
      const before = this.#missed.get(name)
      if (before === false)
        this.#parts.log.error('audit_index_segment_missing', { writer, first, last })
      return [name, before !== undefined] as const
    })
    this.#missed = new Map(told)
  }
}
