/**
 * Whether any of many stored values stands in a text: one pass, however many there are (Wu and Manber
 * 1994). A value is known as it is and as URLs, forms and JSON write it. Only the answer leaves this file.
 */

import type { Secret } from './secret.ts'

/** A shorter value stands in many a text by chance. */
const SHORTEST = 16
/** Of a longer value this much is looked for. */
export const LONGEST = 1024
const PAIRS = 65_536

export class ValueSearch {
  readonly #secrets: ReadonlySet<Secret>
  /** By two characters: how far a window of the shortest length may move on that ends with them. */
  readonly #shifts: Uint8Array
  /** By the two characters at the window's end: what may end there. */
  readonly #endings = new Map<number, string[]>()

  constructor(secrets: readonly Secret[]) {
    this.#secrets = new Set(secrets)
    const spellings = new Set(secrets.flatMap(spellingsOf))
    this.#shifts = spellings.size === 0 ? NOTHING : new Uint8Array(PAIRS).fill(SHORTEST - 1)
    for (const spelling of spellings) this.#add(spelling)
  }

  /** Whether this secret is one of those that were given. */
  covers(secret: Secret): boolean {
    return this.#secrets.has(secret)
  }

  /** One character for each byte; a text that was decoded does as well, as far as it is ASCII. */
  isIn(text: string): boolean {
    if (this.#endings.size === 0) return false
    const { length } = text
    for (let last = SHORTEST - 1; last < length;) {
      const pair = pairAt(text, last)
      const shift = this.#shifts[pair] ?? 0
      if (shift === 0 && this.#ends(text, pair, last)) return true
      last += Math.max(shift, 1)
    }
    return false
  }

  /** By its end, which is chance: many begin alike, and whoever knows how could make each look slow. */
  #add(spelling: string): void {
    const last = spelling.length - 1
    for (let left = 0; left < SHORTEST - 1; left++) {
      const pair = pairAt(spelling, last - left)
      this.#shifts[pair] = Math.min(this.#shifts[pair] ?? 0, left)
    }
    const pair = pairAt(spelling, last)
    this.#endings.set(pair, [...(this.#endings.get(pair) ?? []), spelling])
  }

  #ends(text: string, pair: number, last: number): boolean {
    const spellings = this.#endings.get(pair) ?? []
    return spellings.some((spelling) => text.endsWith(spelling, last + 1))
  }
}

const NOTHING = new Uint8Array(0)

/** Of a character beyond a byte only a part counts: what looks right then is compared anyway. */
function pairAt(text: string, at: number): number {
  return ((text.charCodeAt(at - 1) & 255) << 8) | (text.charCodeAt(at) & 255)
}

function spellingsOf(secret: Secret): readonly string[] {
  const value = secret.reveal()
  const spelled = [
    Buffer.from(value).toString('latin1'),
    encodeURIComponent(value.toWellFormed()),
    new URLSearchParams([['', value]]).toString().slice(1),
    JSON.stringify(value).slice(1, -1),
  ]
  if (value.length < SHORTEST) return []
  return [...new Set(spelled)].map((spelling) => spelling.slice(0, LONGEST))
}
