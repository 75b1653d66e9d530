/**
 * What is made from a writer's records once they are on disk: the hashes beside each segment, the
 * tree over all of them, and its signed checkpoint. All of it can be made again from the segments,
 * so that none of it holds up a commit or lets one fail.
 */

import { join } from 'node:path'
import { createSigner, type Signing } from './checkpoint-note.ts'
import type { DerivedFile, JournalFiles } from './files.ts'
import { HASH_BYTES, writeHash, type Frontier } from './frontier.ts'
import type { Seal } from './seal.ts'
import { reasonOf } from './reason.ts'
import { hashesPath } from './segment.ts'

export interface TreeLogParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  readonly sign: Signing | undefined
  /** Where else it is noted what was signed. */
  readonly seal?: Seal | undefined
  /** Of all records so far. */
  readonly tree: Frontier
  readonly publish: (checkpoint: string) => void
  /** Something could not be written: once, until it can be again. */
  readonly onBehind: (error: unknown) => void
  /** So long may records go without a checkpoint that is written; then `onUnsigned`, once. */
  readonly unsignedMs: number
  readonly onUnsigned: (problem: string) => void
}

/** So many records ask for a checkpoint before a second is over, but not more often than that. */
const CHECKPOINT_RECORDS = 256
const CHECKPOINT_MS = { least: 100, most: 1000 }

/** Hashes that wait for a disk that takes none; what is more is made again at the next start. */
const WAITING_LIMIT_BYTES = 1024 * 1024

interface Waiting {
  readonly first: number
  /** Of the next hash that will be written. */
  position: number
  room: Buffer
  length: number
  /** Some are missing from here on, until the next segment. */
  isFull: boolean
  file: DerivedFile | undefined
}

export class TreeLog {
  readonly #parts: TreeLogParts
  readonly #tree: Frontier
  readonly #sign: ReturnType<typeof createSigner> | undefined
  readonly #hash = Buffer.alloc(HASH_BYTES)
  #waiting: Waiting | undefined
  /** Of segments that are done, until theirs are written. */
  readonly #left: Waiting[] = []
  #signedSize = -1
  #signedAt = Number.NEGATIVE_INFINITY
  #isBehind = false
  /** When the first record came that no checkpoint covers; why none could be written. */
  #unsignedAt: number | undefined
  #unsignedWhy: string | undefined
  #note: string | undefined

  constructor(parts: TreeLogParts) {
    this.#parts = parts
    this.#tree = parts.tree
    this.#sign = parts.sign && createSigner(parts.sign)
  }

  /** The records of a commit: each line's bytes behind a byte of zero. `first` names their segment. */
  add(first: number, leaves: Iterable<Buffer>): void {
    const waiting = this.#waitingFor(first)
    this.#unsignedAt ??= performance.now()
    for (const leaf of leaves) {
      writeHash(leaf, this.#hash, 0)
      this.#tree.append(this.#hash)
      keep(waiting, this.#hash)
    }
  }

  /** Until the next checkpoint is due, below zero when it was; infinite when the last one tells all. */
  msUntilDue(): number {
    const records = this.#tree.size - this.#signedSize
    if (records === 0) return Number.POSITIVE_INFINITY
    const { least, most } = CHECKPOINT_MS
    const interval = records >= CHECKPOINT_RECORDS ? least : most
    return this.#signedAt + interval - performance.now()
  }

  checkpoint(): void {
    this.#signedAt = performance.now()
    this.#attempt(() => {
      this.#writeHashes()
      this.#writeCheckpoint()
      this.#signedSize = this.#tree.size
      this.#unsignedAt = undefined
      this.#unsignedWhy = undefined
    })
  }

  /** Why nothing more is to be written: too much of it would be unsigned. */
  get unsigned(): string | undefined {
    return this.#unsignedWhy
  }

  close(): void {
    if (this.#signedSize !== this.#tree.size) this.checkpoint()
    this.#attempt(() => this.#waiting?.file?.close())
    const { seal } = this.#parts
    if (seal && this.#note !== undefined && this.#signedSize === this.#tree.size) {
      const note = this.#note
      this.#attempt(() => {
        seal.close(note)
      })
    }
  }

  #waitingFor(first: number): Waiting {
    const before = this.#waiting
    if (before?.first === first) return before
    // Goes on in a file that holds a hash for each record there was, or begins an empty one.
    const position = (this.#tree.size - (first - 1)) * HASH_BYTES
    const room = Buffer.alloc(CHECKPOINT_RECORDS * HASH_BYTES)
    this.#waiting = { first, position, room, length: 0, isFull: false, file: undefined }
    if (before) this.#left.push(before)
    this.#attempt(() => {
      this.#writeHashes()
      if (position === 0) this.#writeFrontier()
    })
    return this.#waiting
  }

  #writeHashes(): void {
    for (let left = this.#left[0]; left; left = this.#left[0]) {
      this.#write(left)
      this.#left.shift()
      left.file?.close()
    }
    if (this.#waiting) this.#write(this.#waiting)
  }

  #write(waiting: Waiting): void {
    if (waiting.length === 0) return
    const { directory, files } = this.#parts
    waiting.file ??= files.openDerived(hashesPath(directory, waiting.first))
    waiting.file.write(waiting.room.subarray(0, waiting.length), waiting.position)
    waiting.position += waiting.length
    waiting.length = 0
  }

  #writeFrontier(): void {
    const { directory, files } = this.#parts
    files.replace(join(directory, 'frontier'), this.#tree.format())
  }

  #writeCheckpoint(): void {
    const { directory, files, publish, seal } = this.#parts
    const note = this.#sign?.({ size: this.#tree.size, root: this.#tree.root() })
    if (note === undefined) return
    publish(note)
    files.replace(join(directory, 'checkpoint'), note)
    seal?.update(note)
    this.#note = note
  }

  #attempt(run: () => void): void {
    try {
      run()
      this.#isBehind = false
    } catch (error) {
      if (!this.#isBehind) this.#parts.onBehind(error)
      this.#isBehind = true
      this.#tellUnsigned(error)
    }
  }

  #tellUnsigned(error: unknown): void {
    const { unsignedMs, onUnsigned } = this.#parts
    if (this.#unsignedAt === undefined || this.#unsignedWhy !== undefined) return
    if (performance.now() - this.#unsignedAt < unsignedMs) return
    const records = this.#tree.size - Math.max(this.#signedSize, 0)
    const seconds = Math.round(unsignedMs / 1000)
    this.#unsignedWhy = `${records} records are unsigned since more than ${seconds} s: ${reasonOf(error)}`
    onUnsigned(this.#unsignedWhy)
  }
}

function keep(waiting: Waiting, digest: Buffer): void {
  waiting.isFull ||= waiting.length >= WAITING_LIMIT_BYTES
  if (waiting.isFull) return
  if (waiting.length === waiting.room.length)
    waiting.room = Buffer.concat([waiting.room, Buffer.alloc(waiting.room.length)])
  digest.copy(waiting.room, waiting.length)
  waiting.length += HASH_BYTES
}
