/**
 * Appends batches of lines to segments: numbers them, rotates by size, day and clock, and after a
 * failure takes back what was not acknowledged. It blocks; writer-thread.ts gives it a thread.
 */

import { basename } from 'node:path'
import type { SegmentFormat } from '../../audit/record.ts'
import { Failure } from '../../base/errors.ts'
import type { JournalFiles, SegmentFile } from './files.ts'
import type { Figures } from './mailbox.ts'
import { HASH_BYTES } from './frontier.ts'
import { NumberedLines } from './numbered-lines.ts'
import type { Tail } from './recovery.ts'
import { segmentPath } from './segment.ts'
import type { TreeLog } from './tree-log.ts'

export interface Commit {
  /** Lines without their numbers, each with its newline. */
  readonly lines: Buffer
  /** The writing clock, epoch milliseconds. */
  readonly time: number
  /**
   * Called when the lines are on disk, with what the figures are then: false when those who waited
   * have been told no meanwhile.
   */
  readonly claim: (figures: Figures) => boolean
  /** It follows the one before without a pause. */
  readonly isBusy: boolean
}

export interface SegmentWriterParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  readonly format: SegmentFormat
  readonly segmentBytes: number
  /** Zeros to write behind the records, so that the next ones go where there is a file already. */
  readonly aheadBytes: number
  readonly tree: TreeLog
  /** The segment to go on with; undefined: a new one. */
  readonly tail: Tail | undefined
  /** First sequence number of the newest segment so far. */
  readonly previous: number | null
  /** The sequence number that the next record gets. */
  readonly next: number
  /** Requests with an intent and no outcome. */
  readonly open: readonly string[]
}

interface OpenSegment {
  readonly first: number
  readonly path: string
  readonly file: SegmentFile
  /** Its name is known to be on disk. */
  isListed: boolean
  /** Bytes of acknowledged records; what lies behind them does not count. */
  size: number
  /** Where the file ends: zeros up to there. */
  end: number
  newestAt: number
}

/** The clock may step back so far within one segment; readers skip segments by their times. */
const CLOCK_SLACK_MS = 1000

/** Between two looks at whether the segment is still there, when commits follow without a pause. */
const CHECK_INTERVAL_MS = 10

/** Open requests named in one record at the beginning of a segment. */
const OPEN_PER_RECORD = 1000

const DAY_MS = 24 * 60 * 60 * 1000

export class SegmentWriter {
  readonly #parts: SegmentWriterParts
  readonly #open: Set<string>
  readonly #lines = new NumberedLines()
  readonly #zeros: Buffer
  #segment: OpenSegment | undefined
  #previous: number | null
  #next: number
  #checkedAt = Number.NEGATIVE_INFINITY
  #lost: string | undefined

  constructor(parts: SegmentWriterParts) {
    this.#parts = parts
    this.#zeros = Buffer.alloc(parts.aheadBytes)
    const { tail, files } = parts
    this.#next = parts.next
    this.#open = new Set(parts.open)
    this.#previous = parts.previous
    if (!tail) return
    const { segment, size, newestAt } = tail
    const file = files.open(segment.path)
    this.#segment = { ...segment, size, newestAt, file, isListed: true, end: size }
  }

  /** Written so far, by this process and those before it. */
  get records(): number {
    return this.#next - 1
  }

  /** The name of a segment that somebody took away, until the log has gone on after it. */
  get lost(): string | undefined {
    return this.#lost
  }

  get hasSegment(): boolean {
    return this.#segment !== undefined
  }

  /**
   * Returns once all lines are on disk; else throws and none of them counts, and `repair` must come
   * before the next call. What can be made from the lines is made after `claim`.
   */
  append({ lines, time, claim, isBusy }: Commit): void {
    const segment = this.#segmentFor(lines.length, time)
    this.#lines.begin(this.#next)
    if (segment.size === 0) this.#lines.add(this.#opening(time))
    this.#lines.add(lines)
    const { bytes, count } = this.#lines
    this.#writeDurably(segment, bytes, isBusy)
    const figures = {
      records: this.#next + count - 1,
      bytes: bytes.length + count * HASH_BYTES,
      ahead: segment.end - segment.size - bytes.length,
    }
    if (!claim(figures)) throw new Failure('audit_unavailable', 'the disk answered too late')
    segment.size += bytes.length
    segment.newestAt = Math.max(segment.newestAt, time)
    this.#next += count
    this.#lost = undefined
    this.#lines.follow(this.#open)
    this.#parts.tree.add(segment.first, this.#lines.leaves())
  }

  /** Takes back what a failed `append` may have left on disk. The next one begins a new segment. */
  repair(): void {
    const segment = this.#segment
    if (!segment) return
    const isThere = this.#parts.files.identify(segment.path) === segment.file.identity
    if (isThere) segment.file.truncate(segment.size)
    else this.#lose(segment)
    segment.end = segment.size
    if (isThere && segment.size === 0) return
    this.#leave(segment)
  }

  /** It may come back from where somebody put it: nobody who was refused shall be on record there. */
  #lose({ path, file, size }: OpenSegment): void {
    this.#lost = basename(path)
    try {
      file.truncate(size)
    } catch {
      // A disk that went away with it takes nothing back, and must not keep the log from going on.
    }
  }

  /** The file is left as long as its records are. */
  close(): void {
    const segment = this.#segment
    this.#segment = undefined
    if (!segment) return
    try {
      if (segment.end > segment.size) segment.file.truncate(segment.size)
    } finally {
      segment.file.close()
    }
  }

  #segmentFor(length: number, time: number): OpenSegment {
    const current = this.#segment
    if (current && !this.#isDue(current, length, time)) return current
    if (current) this.#leave(current)
    this.#segment = this.#begin(time)
    return this.#segment
  }

  #isDue(segment: OpenSegment, length: number, time: number): boolean {
    if (segment.size === 0) return false
    return (
      segment.size + length > this.#parts.segmentBytes ||
      Math.floor(time / DAY_MS) !== Math.floor(segment.newestAt / DAY_MS) ||
      time < segment.newestAt - CLOCK_SLACK_MS
    )
  }

  #begin(time: number): OpenSegment {
    const path = segmentPath(this.#parts.directory, this.#next)
    const { files } = this.#parts
    let file = files.open(path)
    if (file.size > 0) {
      // Not ours: a name that this process has not used yet.
      file.close()
      files.rename(path, `${path}.${time}.stray`)
      file = files.open(path)
    }
    return { first: this.#next, path, file, isListed: false, size: 0, end: 0, newestAt: time }
  }

  #leave(segment: OpenSegment): void {
    if (segment.size > 0) this.#previous = segment.first
    this.close()
  }

  /** A new segment begins with what a reader of it alone needs to know. */
  #opening(time: number): Buffer {
    const open = [...this.#open]
    let text = ''
    do {
      const part = { previous: this.#previous, open: open.splice(0, OPEN_PER_RECORD) }
      text += this.#parts.format(part, time) + '\n'
    } while (open.length > 0)
    return Buffer.from(text)
  }

  #writeDurably(segment: OpenSegment, bytes: Buffer, isBusy: boolean): void {
    if (!segment.isListed) this.#parts.files.syncDirectory(this.#parts.directory)
    segment.isListed = true
    this.#write(segment, bytes)
    if (this.#isCheckDue(isBusy)) this.#assertThere(segment)
  }

  /** Zeros go with the batch that finds none left: one call more would be one wait more. */
  #write(segment: OpenSegment, bytes: Buffer): void {
    const { file, size } = segment
    let written = 0
    while (written < bytes.length) {
      const rest = [bytes.subarray(written)]
      const from = size + bytes.length
      if (from > segment.end) rest.push(this.#zerosFrom(from))
      const count = file.write(rest, size + written)
      if (count === 0) throw new Failure('audit_unavailable', 'the disk takes no more')
      written += count
      segment.end = Math.max(segment.end, size + written)
    }
  }

  #zerosFrom(position: number): Buffer {
    const room = Math.max(this.#parts.segmentBytes - position, 0)
    return this.#zeros.subarray(0, Math.min(room, this.#zeros.length))
  }

  #isCheckDue(isBusy: boolean): boolean {
    const now = performance.now()
    if (isBusy && now - this.#checkedAt < CHECK_INTERVAL_MS) return false
    this.#checkedAt = now
    return true
  }

  /** What goes into a file without a name, or under another name, is lost or soon will be. */
  #assertThere({ path, file }: OpenSegment): void {
    if (this.#parts.files.identify(path) !== file.identity)
      throw new Failure('audit_unavailable', 'a segment of the audit was moved or removed')
  }
}
