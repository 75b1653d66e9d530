/** All writers' lines as one stream in the order of time, as good as their clocks allow. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/errors.ts'
import { isWriterName } from '../journal/segment.ts'
import { SegmentTail, type Place, type TailLine } from './segment-tail.ts'

export interface Next {
  readonly writer: string
  readonly line: TailLine
}

const START: Place = { first: 0, offset: 0 }

export class JournalTail {
  readonly #directory: string
  readonly #tails = new Map<string, SegmentTail>()
  readonly #starts: ReadonlyMap<string, Place>

  /** `starts` says how far each writer was read before. */
  constructor(directory: string, starts: ReadonlyMap<string, Place>) {
    this.#directory = directory
    this.#starts = starts
  }

  get tails(): ReadonlyMap<string, SegmentTail> {
    return this.#tails
  }

  /** The oldest line that nobody has taken; undefined when there is none yet. */
  peek(): Next | undefined {
    let oldest: Next | undefined
    for (const [writer, tail] of this.#tails) {
      const line = tail.peek()
      if (line && (!oldest || line.glance.time < oldest.line.glance.time)) oldest = { writer, line }
    }
    return oldest
  }

  take({ writer }: Next): void {
    this.#tails.get(writer)?.take()
  }

  /** Looks for writers that are new. */
  discover(): void {
    for (const writer of writersIn(this.#directory))
      if (!this.#tails.has(writer)) {
        const start = this.#starts.get(writer) ?? START
        this.#tails.set(writer, new SegmentTail(join(this.#directory, writer), start))
      }
  }

  behindBytes(): number {
    let bytes = 0
    for (const tail of this.#tails.values()) bytes += tail.behindBytes()
    return bytes
  }

  close(): void {
    for (const tail of this.#tails.values()) tail.close()
  }
}

function writersIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isWriterName(entry.name))
      .map(({ name }) => name)
      .sort()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}
