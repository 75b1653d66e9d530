/**
 * Takes secrets out of what an upstream answers, while it streams: each is overwritten in place, so that
 * no length changes. What may be the beginning of one is held back until it is known.
 */

import type { Needles } from './needles.ts'
import { search, type Found } from './search.ts'

/** So much of a beginning may be shown rather than let a stream stand still. */
export const SHOWABLE_BYTES = 8

const NOTHING = Buffer.alloc(0)

export class Scrubber {
  readonly #needles: Needles
  /** What may be the beginning of a secret. */
  #held: Buffer = NOTHING
  /** Bytes of it that were shown already. */
  #shown = 0
  #hits = 0
  #isLeaking = false

  constructor(needles: Needles) {
    this.#needles = needles
  }

  /** Secrets that were overwritten so far. */
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
    const clean = found.length === 0 ? data : this.#overwritten(data, found)
    const shown = this.#shown
    // One that was found whole ends what began inside of it.
    const from = found.reduce(
      (place, { start, end }) => (start < place && place < end ? end : place),
      heldFrom,
    )
    const held = Math.max(from, 0)
    this.#held = held < clean.length ? clean.subarray(held) : NOTHING
    this.#shown = Math.max(0, shown - held)
    return held <= shown ? NOTHING : clean.subarray(shown, held)
  }

  /** The rest: what was held is the beginning of nothing, but may be a whole after all. */
  end(): Buffer {
    const { found } = search(this.#held, this.#needles, true)
    const clean = found.length === 0 ? this.#held : this.#overwritten(this.#held, found)
    const rest = clean.subarray(this.#shown)
    this.#held = NOTHING
    this.#shown = 0
    return rest
  }

  /** What is held, for now, if it is little; it is remembered as the beginning that it may be. */
  show(): Buffer {
    if (this.#held.length > SHOWABLE_BYTES) return NOTHING
    const more = this.#held.subarray(this.#shown)
    this.#shown = this.#held.length
    return more
  }

  #overwritten(data: Buffer, found: readonly Found[]): Buffer {
    const clean = Buffer.from(data)
    for (const { start, end, marker } of found) {
      if (start < this.#shown) this.#isLeaking = true
      clean.fill(marker, start, end)
    }
    this.#hits += found.length
    return clean
  }
}

/** A header's value or another short text without the secrets; undefined when it holds none. */
export function scrubText(text: string, needles: Needles): string | undefined {
  const data = Buffer.from(text, 'latin1')
  const { found } = search(data, needles, true)
  if (found.length === 0) return undefined
  for (const { start, end } of found) data.fill('*', start, end)
  return data.toString('latin1')
}
