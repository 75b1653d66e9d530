/** The hashes beside a segment, by the number of their record: what a line was when it was written. */

import { closeSync, fstatSync, readSync } from 'node:fs'
import { HASH_BYTES } from '../storage/journal/frontier.ts'
import { hashesPath } from '../storage/journal/segment.ts'
import { openIfThere } from './regular-file.ts'

const BLOCK_BYTES = 2048 * HASH_BYTES

export class StoredHashes {
  /** Sequence number of the first one's record. */
  readonly first: number
  /** As many as there were when it was opened. */
  readonly count: number
  readonly #file: number | undefined
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES)
  #blockAt = 0
  #blockEnd = 0

  private constructor(first: number, file: number | undefined) {
    this.first = first
    this.#file = file
    this.count = file === undefined ? 0 : Math.floor(fstatSync(file).size / HASH_BYTES)
  }

  /** There may be none: an older version wrote none, and a full disk takes none. */
  static open(directory: string, first: number): StoredHashes {
    return new StoredHashes(first, openIfThere(hashesPath(directory, first)))
  }

  /** Sequence number behind the last one's. */
  get end(): number {
    return this.first + this.count
  }

  /** Of the record with this number; undefined when there is none. Valid until the next call. */
  of(seq: number): Buffer | undefined {
    if (seq < this.first || seq >= this.end) return undefined
    const at = (seq - this.first) * HASH_BYTES
    if (at < this.#blockAt || at + HASH_BYTES > this.#blockEnd) this.#load(at)
    const start = at - this.#blockAt
    return at + HASH_BYTES > this.#blockEnd
      ? undefined
      : this.#block.subarray(start, start + HASH_BYTES)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }

  #load(at: number): void {
    if (this.#file === undefined) return
    this.#blockAt = at
    this.#blockEnd = at + readSync(this.#file, this.#block, 0, BLOCK_BYTES, at)
  }
}
