/**
 * Finds where a head ends while its bytes arrive, and refuses what no head may hold.
 *
 *     where           byte          then
 *     in a line       text, tab     stay
 *     in a line       CR LF         a line begins
 *     line begins     CR LF         the head ends; refused when it was the first line
 *     anywhere        CR without LF, LF without CR, NUL, other control: refused
 *
 * The first offending byte decides, whatever the segments: one byte at a time or all at once gives
 * the same answer. Bytes are looked at once, but for a CR at a segment's end.
 */

import type { HeadProblem } from './problem.ts'
import { CR, LF, VALUE_BYTE, endOfRun } from './syntax.ts'

export class HeadScanner {
  readonly #maxBytes: number
  #at = 0
  #lineStart = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Gets everything received since the head's first byte, each time. Returns the index behind the
   * head, -1 when more is needed, or what is wrong.
   */
  scan(bytes: Buffer): number | HeadProblem {
    const limit = Math.min(bytes.length, this.#maxBytes)
    let at = this.#at
    for (;;) {
      at = Math.min(endOfRun(bytes, at, VALUE_BYTE), limit)
      if (at === limit) break
      if (bytes[at] !== CR) return refuse(bytes[at])
      if (at + 1 === limit) break
      if (bytes[at + 1] !== LF) return BARE_CR
      if (at === this.#lineStart) return at === 0 ? EMPTY_START : at + 2
      at += 2
      this.#lineStart = at
    }
    this.#at = at
    return limit < this.#maxBytes ? -1 : this.#tooLong()
  }

  /** Begins another head. */
  reset(): void {
    this.#at = 0
    this.#lineStart = 0
  }

  #tooLong(): HeadProblem {
    return this.#lineStart === 0 ? LINE_TOO_LONG : HEAD_TOO_LONG
  }
}

const BARE_CR: HeadProblem = { status: 400, problem: 'a CR stands alone' }
const BARE_LF: HeadProblem = { status: 400, problem: 'an LF stands alone' }
const CONTROL: HeadProblem = { status: 400, problem: 'the head has a control byte' }
const EMPTY_START: HeadProblem = { status: 400, problem: 'an empty line stands before the head' }
const LINE_TOO_LONG: HeadProblem = { status: 414, problem: 'the request line is too long' }
const HEAD_TOO_LONG: HeadProblem = { status: 431, problem: 'the head is too long' }

function refuse(byte: number | undefined): HeadProblem {
  return byte === LF ? BARE_LF : CONTROL
}
