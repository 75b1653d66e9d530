/** A file as lines, a block at a time: bounded memory, and the event loop turns between blocks. */

import { open, type FileHandle } from 'node:fs/promises'

export interface RawLine {
  /** Where it begins in the file. */
  readonly offset: number
  /** Without its newline; valid until the next block is asked for. */
  readonly bytes: Buffer
}

const BLOCK_BYTES = 256 * 1024

/** Longer than any record. What has no newline for so long is garbage and is passed over. */
const LINE_LIMIT_BYTES = 1024 * 1024

const NEWLINE = 0x0a

/** The whole lines from an offset on. What follows the last newline is not a line yet; zeros are room for more. */
export async function* readLines(path: string, from = 0): AsyncGenerator<readonly RawLine[]> {
  const file = await open(path, 'r')
  try {
    yield* readBlocks(file, from)
  } finally {
    await file.close()
  }
}

async function* readBlocks(file: FileHandle, from: number): AsyncGenerator<readonly RawLine[]> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  const splitter = new Splitter(from)
  for (let position = from; ;) {
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, position)
    if (bytesRead === 0) return
    position += bytesRead
    const read = block.subarray(0, bytesRead)
    const end = read.indexOf(0)
    yield splitter.split(end === -1 ? read : read.subarray(0, end))
    if (end !== -1) return
  }
}

/** Cuts blocks at newlines and carries the unfinished line over to the next block. */
class Splitter {
  #carry: Buffer = Buffer.alloc(0)
  /** Where the unfinished line begins. */
  #offset: number
  /** Bytes of a line that was too long to carry. */
  #passedOver = 0

  constructor(offset: number) {
    this.#offset = offset
  }

  split(block: Buffer): readonly RawLine[] {
    const lines: RawLine[] = []
    let start = 0
    for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
      this.#finish(block.subarray(start, end), lines)
      start = end + 1
    }
    this.#keep(block.subarray(start))
    return lines
  }

  #finish(end: Buffer, lines: RawLine[]): void {
    const bytes = this.#carry.length === 0 ? end : Buffer.concat([this.#carry, end])
    if (this.#passedOver === 0) lines.push({ offset: this.#offset, bytes })
    this.#offset += this.#passedOver + bytes.length + 1
    this.#carry = this.#carry.subarray(0, 0)
    this.#passedOver = 0
  }

  /** Copied, since the block is used again. */
  #keep(rest: Buffer): void {
    this.#carry = Buffer.concat([this.#carry, rest])
    if (this.#passedOver === 0 && this.#carry.length <= LINE_LIMIT_BYTES) return
    this.#passedOver += this.#carry.length
    this.#carry = this.#carry.subarray(0, 0)
  }
}
