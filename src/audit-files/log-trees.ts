/**
 * The tree over a log's records as they are, and the one over the hashes that were stored when they
 * were written. They are the same until a record is found that is not what its hash says.
 */

import { Frontier } from '../storage/journal/frontier.ts'

export class LogTrees {
  /** Undefined from a record on that is not there. */
  #records: Frontier | undefined = new Frontier()
  /** Undefined where neither a hash nor a record is there; null while it is the same tree. */
  #stored: Frontier | undefined | null = null
  #size = 0

  /** Records so far, those that are gone included. */
  get size(): number {
    return this.#size
  }

  /** The next record's hash as its line has it, and as it was stored: as far as they are there. */
  append(line: Buffer | undefined, stored: Buffer | undefined): void {
    this.#size++
    if (this.#stored === null && line && (!stored || line.equals(stored))) {
      this.#records?.append(line)
      return
    }
    this.#part()
    this.#records = appended(this.#records, line)
    this.#stored = appended(this.#stored ?? undefined, stored ?? line)
  }

  /** So many records of which nothing is there. */
  skip(count: number): void {
    if (count <= 0) return
    this.#size += count
    this.#records = undefined
    this.#stored = undefined
  }

  /** Which of the two trees has this root now. */
  whichHas(root: Buffer): 'records' | 'stored' | undefined {
    if (this.#records?.root().equals(root)) return 'records'
    if (this.#stored?.root().equals(root)) return 'stored'
    return undefined
  }

  /** What was stored is wrong, as a signature says. */
  trustRecords(): void {
    this.#stored = null
  }

  #part(): void {
    if (this.#stored === null) this.#stored = this.#records?.copy()
  }
}

function appended(tree: Frontier | undefined, leaf: Buffer | undefined): Frontier | undefined {
  if (!leaf) return undefined
  tree?.append(leaf)
  return tree
}
