/**
 * Takes secrets out of what an upstream answers, while it streams: each is overwritten in place, so that
 * no length changes. What may be the beginning of one is held back until it is known.
 */

import type { Needles } from './needles.ts'
import type { Found } from './needle-set.ts'
import { search } from './search.ts'
import { SEEN_BYTES } from './telling-length.ts'

/** Less of a secret is what services show of a key to tell it from others. */
const ECHO_SHARE = 1 / 2

const NOTHING = Buffer.alloc(0)

export class Scrubber {
  readonly #needles: Needles
  /** What may be the beginning of a secret, as it came, and as it is shown if it is not. */
  #held: Buffer = NOTHING
  #heldClean: Buffer = NOTHING
  /** Bytes of it that were shown already. */
  #shown = 0
  #hits = 0
  #isLeaking = false

  constructor(needles: Needles) {
    this.#needles = needles
  }

  /** Secrets that were overwritten so far, whole or for the most part. */
  get hits(): number {
    return this.#hits
  }

  /** A secret came of which the beginning was shown: what follows must not be. */
  get isLeaking(): boolean {
    return this.#isLeaking
  }

  /** Held and not shown. */
  get heldBytes(): number {
    return this.#held.length - this.#shown
  }

  /** What may go on now; perhaps nothing. */
  push(chunk: Buffer): Buffer {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const { found, heldFrom } = search(data, this.#needles)
    const clean = this.#overwritten(data, chunk, found)
    const shown = this.#shown
    this.#held = heldFrom < data.length ? data.subarray(heldFrom) : NOTHING
    this.#heldClean = clean === data ? this.#held : clean.subarray(heldFrom)
    this.#shown = Math.max(0, shown - heldFrom)
    return heldFrom <= shown ? NOTHING : clean.subarray(shown, heldFrom)
  }

  /** The rest: what was held is the beginning of nothing, but may be a whole after all. */
  end(): Buffer {
    const { found } = search(this.#held, this.#needles, true)
    const clean = this.#overwritten(this.#held, NOTHING, found)
    const rest = clean.subarray(this.#shown)
    this.#held = NOTHING
    this.#heldClean = NOTHING
    this.#shown = 0
    return rest
  }

  /** What is held, for now, if it is little; it is remembered as the beginning that it may be. */
  show(): Buffer {
    if (this.#held.length > SEEN_BYTES) return NOTHING
    const more = this.#heldClean.subarray(this.#shown)
    this.#shown = this.#held.length
    return more
  }

  /** The data, which ends with the chunk, as it is shown; itself where nothing is to be overwritten. */
  #overwritten(data: Buffer, chunk: Buffer, found: readonly Found[]): Buffer {
    const before = this.#heldClean === this.#held ? data : Buffer.concat([this.#heldClean, chunk])
    if (found.length === 0) return before
    const clean = before === data ? Buffer.from(data) : before
    for (const one of found) this.#count(one, data, before)
    for (const { start, end, marker } of found) clean.fill(marker, start, end)
    return clean
  }

  /** What was overwritten already, while it was held, was counted then. */
  #count({ start, end, share }: Found, data: Buffer, before: Buffer): void {
    if (share >= ECHO_SHARE && isAsItCame(data, before, start, end)) this.#hits++
    this.#isLeaking ||= share === 1 && isAsItCame(data, before, start, this.#shown)
  }
}

export interface ScrubbedText {
  readonly text: string
  /** As `hits` of a Scrubber. */
  readonly hits: number
}

/** A header's value or another short text without the secrets; undefined when it holds none. */
export function scrubText(text: string, needles: Needles): ScrubbedText | undefined {
  const data = Buffer.from(text, 'latin1')
  const { found } = search(data, needles, true)
  if (found.length === 0) return undefined
  for (const { start, end } of found) data.fill('*', start, end)
  const hits = found.filter(({ share }) => share >= ECHO_SHARE).length
  return { text: data.toString('latin1'), hits }
}

/** Whether anything that tells something stands there as it came. */
function isAsItCame(data: Buffer, before: Buffer, ...[start, end]: [number, number]): boolean {
  for (let at = start; at < end; at++)
    if (data[at] === before[at] && data[at] !== STAR && data[at] !== 0) return true
  return false
}

const STAR = 0x2a
