/**
 * One writer's lines from a position on, as far as they are written; asked again, what came since.
 * Synchronous, for a thread of its own. What has no newline yet stays for the next time; what
 * follows the first NUL byte is room that the writer prepared.
 */

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { glanceAt, type Glance } from '../../audit/glance.ts'
import { systemErrorCode } from '../../base/errors.ts'
import { parseSegmentName, segmentPath } from '../journal/segment.ts'

export interface Place {
  /** First sequence number of the segment. */
  readonly first: number
  readonly offset: number
}

export interface TailLine extends Place {
  readonly glance: Glance
  /** Without its newline; valid until the next line is asked for. */
  readonly bytes: Buffer
}

/** More than any line has. */
const BLOCK_BYTES = 2 * 1024 * 1024
const NEWLINE = 0x0a

/** A directory's time tells changes apart only so finely. */
const SURE_AFTER_MS = 2000

export class SegmentTail {
  readonly directory: string
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #first: number
  #offset: number
  #descriptor: number | undefined
  #lines: readonly TailLine[] = []
  #index = 0
  #segments: readonly number[] = []
  #listedAt = -1

  constructor(directory: string, { first, offset }: Place) {
    this.directory = directory
    this.#first = first
    this.#offset = offset
  }

  /** Where reading goes on once all lines given so far are taken. */
  get place(): Place {
    const next = this.#lines[this.#index]
    return next ? { first: next.first, offset: next.offset } : this.#place
  }

  get segments(): readonly number[] {
    return this.#segments
  }

  /** The next line, which stays the next one until `take`; undefined when there is none yet. */
  peek(): TailLine | undefined {
    while (this.#index >= this.#lines.length) if (!this.#advance()) return undefined
    return this.#lines[this.#index]
  }

  take(): void {
    this.#index++
  }

  /** Whether what was read last is still there: after a failed write the journal takes lines back. */
  isSound(): boolean {
    const { first, offset } = this.place
    if (offset === 0 || !this.#isListed(first)) return true
    const end = Buffer.alloc(1)
    return this.#read(end, offset - 1) === 1 && end[0] === NEWLINE
  }

  /** Bytes that are written and not taken. */
  behindBytes(): number {
    this.#list()
    const { first, offset } = this.place
    let bytes = 0
    for (const segment of this.#segments)
      if (segment >= first) bytes += writtenBytes(segmentPath(this.directory, segment))
    return Math.max(0, bytes - (this.#isListed(first) ? offset : 0))
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  get #place(): Place {
    return { first: this.#first, offset: this.#offset }
  }

  /** Reads a block, or goes to the next segment; false when there is nothing more for now. */
  #advance(): boolean {
    // Listed before it is read: whatever is in a segment when its successor exists is all of it.
    this.#list()
    const length = this.#isWritten() ? this.#read(this.#block, this.#offset) : 0
    const written = this.#block.subarray(0, length)
    const nul = written.indexOf(0)
    if (this.#split(nul === -1 ? written : written.subarray(0, nul))) return true
    if (length === BLOCK_BYTES && nul === -1) {
      this.#offset += length // so long a run without a newline is nobody's record
      return true
    }
    const next = this.#segments.find((first) => first > this.#first)
    if (next === undefined) return false
    this.close()
    this.#first = next
    this.#offset = 0
    return true
  }

  /** Asked often and mostly in vain, so one byte has to do. */
  #isWritten(): boolean {
    const byte = Buffer.alloc(1)
    return this.#read(byte, this.#offset) === 1 && byte[0] !== 0
  }

  #split(block: Buffer): boolean {
    const lines: TailLine[] = []
    let start = 0
    for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
      const bytes = block.subarray(start, end)
      const glance = glanceAt(bytes)
      if (glance) lines.push({ first: this.#first, offset: this.#offset + start, glance, bytes })
      start = end + 1
    }
    this.#offset += start
    this.#lines = lines
    this.#index = 0
    return start > 0
  }

  /** 0 at the end, and where the segment is not there (any more, or yet). */
  #read(into: Buffer, position: number): number {
    try {
      this.#descriptor ??= openSync(segmentPath(this.directory, this.#first), 'r')
      return readSync(this.#descriptor, into, 0, into.length, position)
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return 0
      throw error
    }
  }

  #isListed(first: number): boolean {
    return this.#segments.includes(first)
  }

  #list(): void {
    const changedAt = changeTimeOf(this.directory)
    if (changedAt === this.#listedAt) return
    this.#segments = readNames(this.directory)
      .flatMap((name) => parseSegmentName(name) ?? [])
      .sort((one, other) => one - other)
    this.#listedAt = Date.now() - changedAt > SURE_AFTER_MS ? changedAt : -1
  }
}

/** -2 where there is no such directory. */
function changeTimeOf(directory: string): number {
  return statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? -2
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return []
    throw error
  }
}

/** The file's size without the room behind its last line. */
function writtenBytes(path: string): number {
  try {
    const descriptor = openSync(path, 'r')
    try {
      return firstNul(descriptor, statSync(path).size)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0
    throw error
  }
}

/** NUL bytes stand only at the end, so that halving finds the first. */
function firstNul(descriptor: number, size: number): number {
  const byte = Buffer.alloc(1)
  const isNul = (at: number) => readSync(descriptor, byte, 0, 1, at) === 1 && byte[0] === 0
  if (size === 0 || !isNul(size - 1)) return size
  let [written, nul] = [0, size - 1]
  while (written < nul) {
    const middle = Math.floor((written + nul) / 2)
    if (isNul(middle)) nul = middle
    else written = middle + 1
  }
  return nul
}
