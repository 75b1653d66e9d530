/**
 * An RFC 6962 tree that grows: of n leaves it keeps the roots of the whole subtrees, at most one for
 * each power of two, which is all that another leaf or the root of everything needs.
 */

import { hash } from 'node:crypto'

export const HASH_BYTES = 32

/** Deeper than any number of leaves that a number can count. */
const DEPTH = 64

/** The root of a tree without leaves: SHA-256 of nothing (RFC 6962, 2.1). */
const EMPTY = hash('sha256', '', 'buffer')

export class Frontier {
  readonly #roots = Buffer.alloc(DEPTH * HASH_BYTES)
  /** What RFC 6962 hashes as an inner node: a one, the left root, the right one. */
  readonly #node = Buffer.alloc(1 + 2 * HASH_BYTES, 1)
  #depth = 0
  #size = 0

  /** Leaves so far. */
  get size(): number {
    return this.#size
  }

  append(leaf: Buffer): void {
    this.#roots.set(leaf, this.#depth * HASH_BYTES)
    this.#depth++
    for (let whole = this.#size; whole % 2 === 1; whole = (whole - 1) / 2) this.#join()
    this.#size++
  }

  root(): Buffer {
    if (this.#size === 0) return EMPTY
    const rest = this.copy()
    while (rest.#depth > 1) rest.#join()
    return Buffer.from(rest.#roots.subarray(0, HASH_BYTES))
  }

  copy(): Frontier {
    return Frontier.restored(this.#size, this.#roots.subarray(0, this.#depth * HASH_BYTES))
  }

  /** As text: the number of leaves and the roots, largest subtree first. */
  format(): string {
    const roots = this.#roots.toString('base64', 0, this.#depth * HASH_BYTES)
    return `${this.#size}\n${roots}\n`
  }

  /** Undefined for what `format` never wrote. */
  static parse(text: string): Frontier | undefined {
    const [, size = '', base64 = ''] = /^(\d{1,16})\n([0-9A-Za-z+/=]*)\n$/.exec(text) ?? []
    const roots = Buffer.from(base64, 'base64')
    const isWhole = size !== '' && roots.length === wholeTrees(Number(size)) * HASH_BYTES
    return isWhole ? Frontier.restored(Number(size), roots) : undefined
  }

  /** Makes one of the last two. */
  #join(): void {
    const end = this.#depth * HASH_BYTES
    this.#roots.copy(this.#node, 1, end - 2 * HASH_BYTES, end)
    this.#depth--
    writeHash(this.#node, this.#roots, end - 2 * HASH_BYTES)
  }

  private static restored(size: number, roots: Uint8Array): Frontier {
    const frontier = new Frontier()
    frontier.#roots.set(roots)
    frontier.#depth = roots.length / HASH_BYTES
    frontier.#size = size
    return frontier
  }
}

/** By way of text, since a buffer for each hash would cost more than the hash. */
export function writeHash(bytes: Uint8Array, target: Buffer, position: number): void {
  target.write(hash('sha256', bytes, 'binary'), position, 'binary')
}

/** One for each power of two that the size is made of. */
function wholeTrees(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
