/** Bytes that come in pieces and are wanted in one, without copying all of them for each piece. */

const FIRST_BYTES = 2048

export class GrowingBuffer {
  #store = Buffer.alloc(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Everything so far; good until the next call. */
  append(piece: Buffer): Buffer {
    const size = this.#size + piece.length
    if (size > this.#store.length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * size))
      this.#store.copy(larger, 0, 0, this.#size)
      this.#store = larger
    }
    piece.copy(this.#store, this.#size)
    this.#size = size
    return this.#store.subarray(0, size)
  }

  /** Forgets the bytes, and the memory with them. */
  clear(): void {
    this.#size = 0
    if (this.#store.length > 0) this.#store = Buffer.alloc(0)
  }
}
