/** Lines by where they lie. Neighbours come out of one reading, since pages are mostly of neighbours. */

import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { glanceAt } from '../../audit/glance.ts'
import { systemErrorCode } from '../../base/errors.ts'
import { segmentPath } from '../journal/segment.ts'

export interface Location {
  readonly writer: string
  readonly first: number
  readonly offset: number
  readonly length: number
}

/** Around a line whose neighbours are asked for too, and around one that stands alone. */
const WIDE_BYTES = 128 * 1024
const NARROW_BYTES = 4 * 1024
const OPEN_FILES = 16

interface Window {
  readonly descriptor: number
  start: number
  bytes: Buffer
}

export class LineReader {
  readonly #directory: string
  readonly #windows = new Map<string, Window>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The line; undefined when it is not there any more, or is another one. */
  read(location: Location): Buffer | undefined {
    const window = this.#open(location)
    if (!window) return undefined
    const { offset, length } = location
    const isInside = offset >= window.start && offset + length <= window.start + window.bytes.length
    if (!isInside) fill(window, offset, length)
    const from = offset - window.start
    const line = window.bytes.subarray(from, from + length)
    return line.length === length && glanceAt(line) ? line : undefined
  }

  close(): void {
    for (const { descriptor } of this.#windows.values()) closeSync(descriptor)
    this.#windows.clear()
  }

  #open({ writer, first }: Location): Window | undefined {
    const path = segmentPath(join(this.#directory, writer), first)
    const known = this.#windows.get(path)
    if (known) return known
    if (this.#windows.size >= OPEN_FILES) this.close()
    try {
      const window = { descriptor: openSync(path, 'r'), start: 0, bytes: Buffer.alloc(0) }
      this.#windows.set(path, window)
      return window
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

/** Read forwards or backwards: the line stands in the middle of what is read. */
function fill(window: Window, offset: number, length: number): void {
  const isNear = Math.abs(offset - window.start) < WIDE_BYTES * 2
  const margin = isNear ? WIDE_BYTES : NARROW_BYTES
  const start = Math.max(0, offset - margin)
  const buffer = Buffer.allocUnsafe(offset - start + length + margin)
  const read = readSync(window.descriptor, buffer, 0, buffer.length, start)
  // Room that was made for lines to come holds NULs until they are there: not to be kept.
  const end = buffer.subarray(0, read).indexOf(0)
  window.start = start
  window.bytes = buffer.subarray(0, end < 0 ? read : end)
}
