/**
 * Appends records to segments: numbers them, rotates by size, day and clock, and after a failure
 * takes back what was not acknowledged. One call at a time; group-commit.ts sees to that.
 */

import { basename } from 'node:path'
import { numbered, type LineFormat } from '../../audit/record.ts'
import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import type { JournalFiles, SegmentFile } from './files.ts'
import type { Found } from './recovery.ts'
import { segmentPath } from './segment.ts'

/** A record to be written, as record.ts formats it. */
export interface Line {
  readonly text: string
  /** Set on intents and outcomes: which request it opens or closes. */
  readonly opens?: string
  readonly closes?: string
}

export interface Commit {
  readonly lines: readonly Line[]
  /** Asked when the lines are on disk: false when those who waited have been told no meanwhile. */
  readonly isWanted: () => boolean
  /** It follows the one before without a pause. */
  readonly isBusy: boolean
}

export interface SegmentWriterParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  readonly format: LineFormat
  readonly now: Now
  readonly segmentBytes: number
  readonly found: Found
}

interface OpenSegment {
  readonly first: number
  readonly path: string
  readonly file: SegmentFile
  /** Its name is known to be on disk. */
  isListed: boolean
  /** Bytes of acknowledged records; what lies behind them does not count. */
  size: number
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
  readonly #open = new Set<string>()
  #segment: OpenSegment | undefined
  #previous: number | null
  #next: number
  #checkedAt = Number.NEGATIVE_INFINITY
  #lost: string | undefined

  private constructor(parts: SegmentWriterParts) {
    this.#parts = parts
    this.#next = parts.found.next
    this.#previous = parts.found.tail?.segment.first ?? null
  }

  /** Goes on with the last segment, or begins the first one. */
  static async create(parts: SegmentWriterParts): Promise<SegmentWriter> {
    const writer = new SegmentWriter(parts)
    const { tail } = parts.found
    if (tail) {
      const file = await parts.files.open(tail.segment.path)
      writer.#segment = { ...tail.segment, ...tail, file, isListed: true }
    }
    try {
      if (!tail) await writer.append({ lines: [], isWanted: () => true, isBusy: false })
    } catch (error) {
      await writer.close()
      throw error
    }
    return writer
  }

  /** Records written so far, by this process and those before it. */
  get records(): number {
    return this.#next - 1
  }

  /** The name of a segment that somebody took away, until the log has gone on after it. */
  get lost(): string | undefined {
    return this.#lost
  }

  /**
   * Resolves with the bytes written once all lines are on disk; else throws and none of them counts,
   * and `repair` must come before the next call.
   */
  async append({ lines, isWanted, isBusy }: Commit): Promise<number> {
    const time = this.#parts.now()
    const segment = await this.#segmentFor(lines, time)
    const texts = [...this.#opening(segment, time), ...lines.map(({ text }) => text)]
    const bytes = this.#number(texts)
    await this.#writeDurably(segment, bytes, isBusy)
    if (!isWanted()) throw new Failure('audit_unavailable', 'the disk answered too late')
    segment.size += bytes.length
    segment.newestAt = Math.max(segment.newestAt, time)
    this.#next += texts.length
    this.#lost = undefined
    for (const line of lines) this.#follow(line)
    return bytes.length
  }

  /** Takes back what a failed `append` may have left on disk. The next one begins a new segment. */
  async repair(): Promise<void> {
    const segment = this.#segment
    if (!segment) return
    const identity = await this.#parts.files.identify(segment.path)
    const isThere = identity === segment.file.identity
    if (isThere) await segment.file.truncate(segment.size)
    else this.#lost = basename(segment.path)
    if (isThere && segment.size === 0) return
    await this.#leave(segment)
  }

  async close(): Promise<void> {
    const segment = this.#segment
    this.#segment = undefined
    await segment?.file.close()
  }

  async #segmentFor(lines: readonly Line[], time: number): Promise<OpenSegment> {
    const current = this.#segment
    if (current && !this.#isDue(current, lines, time)) return current
    if (current) await this.#leave(current)
    this.#segment = await this.#begin(time)
    return this.#segment
  }

  #isDue(segment: OpenSegment, lines: readonly Line[], time: number): boolean {
    if (segment.size === 0) return false
    const length = lines.reduce((sum, { text }) => sum + text.length, 0)
    return (
      segment.size + length > this.#parts.segmentBytes ||
      Math.floor(time / DAY_MS) !== Math.floor(segment.newestAt / DAY_MS) ||
      time < segment.newestAt - CLOCK_SLACK_MS
    )
  }

  async #begin(time: number): Promise<OpenSegment> {
    const path = segmentPath(this.#parts.directory, this.#next)
    const { files } = this.#parts
    let file = await files.open(path)
    if (file.size > 0) {
      // Not ours: a name that this process has not used yet.
      await file.close()
      await files.rename(path, `${path}.${time}.stray`)
      file = await files.open(path)
    }
    return { first: this.#next, path, file, isListed: false, size: 0, newestAt: time }
  }

  async #leave(segment: OpenSegment): Promise<void> {
    this.#segment = undefined
    if (segment.size > 0) this.#previous = segment.first
    await segment.file.close()
  }

  /** A new segment begins with what a reader of it alone needs to know. */
  #opening(segment: OpenSegment, time: number): readonly string[] {
    if (segment.size > 0) return []
    const open = [...this.#open]
    const texts: string[] = []
    do {
      const part = { previous: this.#previous, open: open.splice(0, OPEN_PER_RECORD) }
      texts.push(this.#parts.format.segment(part, time))
    } while (open.length > 0)
    return texts
  }

  #number(texts: readonly string[]): Buffer {
    let all = ''
    for (const [index, text] of texts.entries()) all += numbered(this.#next + index, text)
    return Buffer.from(all)
  }

  async #writeDurably(segment: OpenSegment, bytes: Buffer, isBusy: boolean): Promise<void> {
    if (!segment.isListed) await this.#parts.files.syncDirectory(this.#parts.directory)
    segment.isListed = true
    // Beside the write and not after it, since looking takes as long as writing; but both must end
    // before anything else may happen to the file.
    const ends = await Promise.allSettled([
      writeAll(segment, bytes),
      this.#isCheckDue(isBusy) ? this.#assertThere(segment) : undefined,
    ])
    for (const end of ends) if (end.status === 'rejected') throw end.reason as Error
  }

  #isCheckDue(isBusy: boolean): boolean {
    const now = performance.now()
    if (isBusy && now - this.#checkedAt < CHECK_INTERVAL_MS) return false
    this.#checkedAt = now
    return true
  }

  /** What goes into a file without a name, or under another name, is lost or soon will be. */
  async #assertThere({ path, file }: OpenSegment): Promise<void> {
    if ((await this.#parts.files.identify(path)) !== file.identity)
      throw new Failure('audit_unavailable', 'a segment of the audit was moved or removed')
  }

  #follow({ opens, closes }: Line): void {
    if (opens !== undefined) this.#open.add(opens)
    if (closes !== undefined) this.#open.delete(closes)
  }
}

async function writeAll({ file, size }: OpenSegment, bytes: Buffer): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const count = await file.write(bytes.subarray(written), size + written)
    if (count === 0) throw new Failure('audit_unavailable', 'the disk takes no more')
    written += count
  }
}
