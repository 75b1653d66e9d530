/**
 * Tokens and keys anywhere in a body, however long it is: it is looked at in blocks, each once and together
 * with the end of the one before.
 */

import { LONGEST, type ValueSearch } from '../../secret/value-search.ts'
import { GrowingBuffer } from '../upstream/growing-buffer.ts'
import { joinMarks, marksOfBodyText, NO_MARKS, type Looked, type Marks } from './marks.ts'

/** Small pieces are gathered until there are so many bytes. */
const BLOCK_BYTES = 16 * 1024
/** Of a body in memory so much is looked at in one go. */
const TURN_BYTES = 64 * 1024
/** A token, or a key of some vendor, is shorter. */
const OVERLAP = LONGEST
/** A body can have no more than these: the rest need not be looked at. */
const KINDS_OF_MARKS = 2

const NOTHING = Buffer.alloc(0)

export class BodyMarks {
  readonly #looked: Looked
  readonly #gathered = new GrowingBuffer()
  #tail = ''
  #marks = NO_MARKS

  constructor(looked: Looked) {
    this.#looked = looked
  }

  push(bytes: Buffer): void {
    if (this.#marks.length === KINDS_OF_MARKS) return
    if (this.#gathered.size === 0 && bytes.length >= BLOCK_BYTES) this.#look(bytes)
    else if (this.#gathered.append(bytes).length >= BLOCK_BYTES) this.#lookAtGathered()
  }

  /** What everything so far deserves. */
  marks(): Marks {
    if (this.#gathered.size > 0) this.#lookAtGathered()
    return this.#marks
  }

  #lookAtGathered(): void {
    this.#look(this.#gathered.append(NOTHING))
    this.#gathered.clear()
  }

  #look(bytes: Buffer): void {
    const text = this.#tail + bytes.toString('latin1')
    this.#marks = joinMarks(this.#marks, marksOfBodyText(text, this.#looked))
    this.#tail = text.slice(1 - OVERLAP)
  }
}

/** Of a body in memory; a long one is not looked at without letting others have their turn. */
export async function marksOfHeld(bytes: Buffer, stored: ValueSearch): Promise<Marks> {
  if (bytes.length <= TURN_BYTES) return marksOfBodyText(bytes.toString('latin1'), { stored })
  const marks = new BodyMarks({ stored })
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    if (at > 0) await nextTurn()
    marks.push(bytes.subarray(at, at + TURN_BYTES))
  }
  return marks.marks()
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
