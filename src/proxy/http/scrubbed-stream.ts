/** What an upstream says, without the credential that it was given, on its way to the client. */

import type { Needles } from '../../scrub/needles.ts'
import { Scrubber } from '../../scrub/scrubber.ts'

export interface ScrubbedStreamParts {
  readonly needles: Needles
  /** False when it would rather have no more for now. */
  readonly write: (bytes: Buffer) => boolean
  /** The beginning of the credential was sent, and now its rest came: nothing more may go. */
  readonly onLeak: () => void
}

/** A beginning that nobody completes is shown after that, so that no stream stands still for it. */
const PATIENCE_MS = 15

export class ScrubbedStream {
  readonly #parts: ScrubbedStreamParts
  readonly #scrubber: Scrubber
  #timer: NodeJS.Timeout | undefined

  constructor(parts: ScrubbedStreamParts) {
    this.#parts = parts
    this.#scrubber = new Scrubber(parts.needles)
  }

  /** How often the credential was there. */
  get hits(): number {
    return this.#scrubber.hits
  }

  take(chunk: Buffer): boolean {
    clearTimeout(this.#timer)
    const free = this.#scrubber.push(chunk)
    if (this.#scrubber.isLeaking) {
      this.#parts.onLeak()
      return false
    }
    if (this.#scrubber.heldBytes > 0) this.#timer = setTimeout(this.#show, PATIENCE_MS)
    return free.length === 0 || this.#parts.write(free)
  }

  /** Nothing more comes. */
  end(): void {
    clearTimeout(this.#timer)
    const rest = this.#scrubber.end()
    if (this.#scrubber.isLeaking) this.#parts.onLeak()
    else if (rest.length > 0) this.#parts.write(rest)
  }

  /** Nothing more is wanted. */
  close(): void {
    clearTimeout(this.#timer)
  }

  readonly #show = (): void => {
    const bytes = this.#scrubber.show()
    if (bytes.length > 0) this.#parts.write(bytes)
  }
}
