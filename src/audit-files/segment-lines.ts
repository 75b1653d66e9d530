/** A segment as its lines, in bounded memory, with what stands behind the last whole one. */

import type { FileHandle } from 'node:fs/promises'
import { openRegular } from './regular-file.ts'

/** Where a line stands, or should. */
export interface Place {
  /** Name of the file. */
  readonly segment: string
  /** From 1. */
  readonly line: number
  /** In bytes, from the beginning of the file. */
  readonly offset: number
}

export interface SegmentLine extends Omit<Place, 'segment'> {
  /**
   * What RFC 6962 hashes: a byte of zero, then the line without its newline. Valid until the next
   * block is asked for.
   */
  readonly leaf: Buffer
}

/** What follows the last whole line. */
export interface SegmentRest extends Omit<Place, 'segment'> {
  /** Without the zeros at the end, which are room for more. */
  readonly bytes: number
}

/** Longer than any record: what has no newline for so long is none. */
const LINE_LIMIT_BYTES = 1024 * 1024
const BLOCK_BYTES = 512 * 1024
const NEWLINE = 0x0a

export class SegmentLines {
  readonly #path: string
  /** The byte before a line is free, or the newline before it: a leaf's hash begins with it. */
  readonly #room = Buffer.allocUnsafe(1 + LINE_LIMIT_BYTES + BLOCK_BYTES)
  /** What is read and not given yet. */
  #begin = 1
  #end = 1
  #line = 1
  #offset = 0
  /** Where the last byte ends that is not zero. */
  #used = 0
  /** What follows is room for more, or too long for a line: none comes after it. */
  #isPast = false

  constructor(path: string) {
    this.#path = path
  }

  /** What follows the last line that was given. */
  get rest(): SegmentRest {
    return { line: this.#line, offset: this.#offset, bytes: Math.max(0, this.#used - this.#offset) }
  }

  async *blocks(): AsyncGenerator<readonly SegmentLine[]> {
    const file = await openRegular(this.#path)
    try {
      for (let position = 0; ;) {
        if (this.#isPastLines()) this.#begin = this.#end
        this.#moveToFront()
        const bytes = await this.#read(file, position)
        if (bytes === 0) return
        position += bytes
        if (!this.#isPast) yield this.#cut()
      }
    } finally {
      await file.close()
    }
  }

  #isPastLines(): boolean {
    const waiting = this.#end - this.#begin
    this.#isPast ||= waiting > LINE_LIMIT_BYTES || (waiting > 0 && this.#room[this.#begin] === 0)
    return this.#isPast
  }

  #moveToFront(): void {
    this.#room.copyWithin(1, this.#begin, this.#end)
    this.#end -= this.#begin - 1
    this.#begin = 1
  }

  async #read(file: FileHandle, position: number): Promise<number> {
    const { bytesRead } = await file.read(this.#room, this.#end, BLOCK_BYTES, position)
    const used = usedBytes(this.#room.subarray(this.#end, this.#end + bytesRead))
    if (used > 0) this.#used = position + used
    this.#end += bytesRead
    return bytesRead
  }

  #cut(): readonly SegmentLine[] {
    const lines: SegmentLine[] = []
    const read = this.#room.subarray(0, this.#end)
    for (let end = read.indexOf(NEWLINE, 1); end !== -1; end = read.indexOf(NEWLINE, this.#begin)) {
      const start = this.#begin - 1
      read[start] = 0
      lines.push({ line: this.#line, offset: this.#offset, leaf: read.subarray(start, end) })
      this.#line++
      this.#offset += end - start
      this.#begin = end + 1
    }
    return lines
  }
}

function usedBytes(block: Buffer): number {
  let end = block.length
  while (end > 0 && block[end - 1] === 0) end--
  return end
}
