/**
 * One segment, line by line: each must have the next number and the hash that was stored for it. From
 * the first that is out of place on, only the record that should have stood there is looked for.
 */

import { basename } from 'node:path'
import { glanceAt, type Glance } from '../audit/glance.ts'
import { HASH_BYTES, writeHash } from '../storage/journal/frontier.ts'
import { hashesPath, segmentPath } from '../storage/journal/segment.ts'
import { fileFinding } from './finding.ts'
import type { Recoveries } from './recoveries.ts'
import type { Retirements } from './retirements.ts'
import { SegmentLines, type Place, type SegmentLine } from './segment-lines.ts'
import { StoredHashes } from './stored-hashes.ts'
import type { SuspectLine } from './suspect.ts'
import type { TreeCheck } from './tree-check.ts'

export interface WalkParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly writer: string
  /** Whether another log has this name here. */
  readonly isWriter: (name: string) => boolean
  /** Number of the segment's first record, and of the next segment's; undefined in the last one. */
  readonly first: number
  readonly end: number | undefined
  /** Records that a signature covers. */
  readonly covered: number
  readonly check: TreeCheck
  readonly retirements: Retirements
  readonly recoveries: Recoveries
  /** The stored hash of any record. */
  readonly hashOf: (seq: number) => Buffer | undefined
  readonly onBytes: (bytes: number) => void
}

const WRITER =
  /^\{"seq":\d+,"time":"[^"]*","kind":"[a-z]+","requestId":(?:"[^"]*"|null),"writer":"([^"]+)"/
const OPENING = 512

/** More records than anybody writes between two checkpoints. */
const UNCOVERED_LIMIT = 10_000_000

export class SegmentWalk {
  readonly #parts: WalkParts
  readonly #name: string
  readonly #lines: SegmentLines
  readonly #stored: StoredHashes
  readonly #hash = Buffer.alloc(HASH_BYTES)
  #next: number
  #state: 'in order' | 'out of order' | 'being written' = 'in order'
  firstAt: string | undefined
  lastAt: string | undefined
  /** Of the first record that no signature covers. */
  uncoveredAt: string | undefined

  /** Looks at how many hashes there are before any line is read: a running server adds to both. */
  constructor(parts: WalkParts) {
    this.#parts = parts
    const path = segmentPath(parts.directory, parts.first)
    this.#name = basename(path)
    this.#lines = new SegmentLines(path)
    this.#stored = StoredHashes.open(parts.directory, parts.first)
    this.#next = parts.first
  }

  /** Number of the record that comes after this segment. */
  get next(): number {
    return this.#next
  }

  /** Where the next line would stand. */
  get place(): Place {
    const { line, offset } = this.#lines.rest
    return { segment: this.#name, line, offset }
  }

  /** Bytes of a line that is not whole yet. */
  get tornBytes(): number {
    return this.#lines.rest.bytes
  }

  async run(): Promise<void> {
    try {
      let before = 0
      for await (const block of this.#lines.blocks()) {
        for (const line of block) this.#take(line)
        const { offset } = this.#lines.rest
        this.#parts.onBytes(offset - before)
        before = offset
      }
      this.#finish()
    } finally {
      this.#stored.close()
    }
  }

  #take(line: SegmentLine): void {
    if (this.#state === 'being written') return
    const glance = glanceAt(line.leaf.subarray(1))
    const isNext = glance?.sequence === this.#next && this.#next !== this.#parts.end
    if (this.#state === 'in order' && glance && isNext) this.#accept(line, glance)
    else if (this.#isBeingWritten(line)) this.#state = 'being written'
    else this.#misplace(line, glance?.sequence)
  }

  #accept(line: SegmentLine, glance: Glance): void {
    const { check, covered } = this.#parts
    const { time } = glance
    writeHash(line.leaf, this.#hash, 0)
    const stored = this.#stored.of(this.#next)
    if (stored && !stored.equals(this.#hash)) this.#accuse(line, this.#next)
    check.append(this.#hash, stored)
    if (this.#next <= covered) this.#consult(line, glance)
    this.firstAt ??= time
    this.lastAt = time
    if (this.#next === covered + 1) this.uncoveredAt = time
    this.#next++
  }

  /** Some records tell of the log itself: believed when they are signed for. */
  #consult({ leaf }: SegmentLine, glance: Glance): void {
    this.#parts.retirements.take(glance, leaf)
    this.#parts.recoveries.take(glance, leaf)
  }

  /** Two looks at a block, with a write in between, show room for lines and the next lines behind it. */
  #isBeingWritten({ leaf }: SegmentLine): boolean {
    const { end, covered } = this.#parts
    const isOpen = end === undefined && this.#state === 'in order'
    const mustBeThere = this.#next <= covered || this.#next < this.#stored.end
    return isOpen && !mustBeThere && leaf.includes(0, 1)
  }

  #misplace(line: SegmentLine, claimed: number | undefined): void {
    this.#state = 'out of order'
    const { suspect } = this.#parts.check
    if (suspect) suspect.isFoundLater ||= this.#isRecord(line, claimed, suspect.seq)
    else this.#accuse(line, claimed)
  }

  #isRecord({ leaf }: SegmentLine, claimed: number | undefined, seq: number): boolean {
    if (claimed !== seq || seq < this.#parts.first) return false
    writeHash(leaf, this.#hash, 0)
    return this.#stored.of(seq)?.equals(this.#hash) ?? true
  }

  #accuse({ leaf, line, offset }: SegmentLine, claimed: number | undefined): void {
    const { check } = this.#parts
    writeHash(leaf, this.#hash, 0)
    const stands: SuspectLine = {
      claimed,
      writer: this.#otherWriter(leaf),
      isGenuine:
        claimed === undefined ? undefined : this.#parts.hashOf(claimed)?.equals(this.#hash),
      isBeyond: this.#next === this.#parts.end,
    }
    const place = { segment: this.#name, line, offset }
    check.accuse({ seq: this.#next, place, line: stands, isFoundLater: false })
  }

  #otherWriter(leaf: Buffer): string | undefined {
    const { writer, isWriter } = this.#parts
    const name = WRITER.exec(leaf.toString('latin1', 1, OPENING))?.[1]
    return name !== undefined && name !== writer && isWriter(name) ? name : undefined
  }

  #finish(): void {
    const { end = Math.max(this.#next, this.#storedEnd()), covered, check } = this.#parts
    if (this.#state !== 'out of order') this.#finishInOrder(end)
    // Behind what is signed no hash tells anything, however many there are.
    for (; this.#next < Math.min(end, this.#stored.end, covered + 1); this.#next++)
      check.append(undefined, this.#stored.of(this.#next))
    check.skip(end - this.#next)
    this.#next = end
  }

  /** As far as a log can be that ends here: hashes are written within a second of their records. */
  #storedEnd(): number {
    const { end } = this.#stored
    const most = Math.max(this.#next, this.#parts.covered + 1) + UNCOVERED_LIMIT
    return end <= most ? end : this.#next
  }

  #finishInOrder(end: number): void {
    const { check, writer } = this.#parts
    const isLast = this.#parts.end === undefined
    if (this.#next < end) this.#accuseMissing(end - 1, isLast)
    else if (!isLast && this.tornBytes > 0) {
      const { segment, line, offset } = this.place
      const message = `${this.tornBytes} bytes that are no record were added at the end of ${segment} (line ${line}, byte ${offset})`
      const finding = fileFinding('added', { writer, segment }, message)
      check.report({ ...finding, seq: this.#next, line, offset })
    }
    if (this.#stored.end > end) this.#reportMoreHashes(this.#stored.end - end)
  }

  #accuseMissing(through: number, isLast: boolean): void {
    const isTorn = !isLast && this.tornBytes > 0
    const noRecord = { claimed: undefined, writer: undefined, isGenuine: undefined }
    this.#parts.check.accuse({
      ...{ seq: this.#next, place: this.place, isFoundLater: false, isAtEnd: isLast, through },
      line: isTorn ? { ...noRecord, isBeyond: false } : undefined,
    })
  }

  #reportMoreHashes(count: number): void {
    const { check, directory, first, writer } = this.#parts
    const segment = basename(hashesPath(directory, first))
    const message = `${segment} has ${count} hashes more than its segment has records`
    check.report(fileFinding('hashes', { writer, segment }, message))
  }
}
