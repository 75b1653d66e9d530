/**
 * Connections between two requests: they rest until the event loop has looked at their sockets
 * once more. Bytes that came right behind an answer are thus read while nobody's request is out,
 * and end the connection instead of answering the next request (HF-13).
 */

interface Resting {
  /** It may be used again, if it still lives. */
  rested(): void
}

export class RestingPlace<T extends Resting> {
  #arriving: T[] = []
  #resting: T[] = []

  /** It is told when its rest is over. */
  take(guest: T): void {
    if (this.#arriving.length + this.#resting.length === 0) setImmediate(this.#turn)
    this.#arriving.push(guest)
  }

  // Immediates run right after the sockets were read; one that sees a second such moment has had
  // all sockets read in between.
  readonly #turn = (): void => {
    const ready = this.#resting
    this.#resting = this.#arriving
    this.#arriving = []
    for (const guest of ready) guest.rested()
    if (this.#resting.length > 0) setImmediate(this.#turn)
  }
}
