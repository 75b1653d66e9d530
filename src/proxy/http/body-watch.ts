/** A body that streams past, with a look at its beginning: what it holds is known when it is over. */

import type { BodySink, BodySource } from '../http1/body.ts'
import {
  joinMarks,
  marksOfBody,
  marksOfInjectedBody,
  NO_MARKS,
  WATCHED_BYTES,
  type Injected,
  type Marks,
} from './marks.ts'

export class BodyWatch implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #injected: Injected
  readonly #kept: Buffer[] = []
  #keptBytes = 0

  constructor(source: BodySource, injected: Injected) {
    this.#source = source
    this.#injected = injected
    this.length = source.length
  }

  stream(sink: BodySink): void {
    this.#source.stream({
      onChunk: (chunk) => {
        if (this.#keptBytes < WATCHED_BYTES) this.#keep(chunk)
        return sink.onChunk(chunk)
      },
      onEnd: () => {
        sink.onEnd()
      },
      onFailure: () => {
        sink.onFailure()
      },
    })
  }

  resume(): void {
    this.#source.resume()
  }

  /** What the part that has passed so far deserves. */
  marks(): Marks {
    if (this.#keptBytes === 0) return NO_MARKS
    const bytes = Buffer.concat(this.#kept)
    return joinMarks(marksOfBody(bytes), marksOfInjectedBody(bytes, this.#injected))
  }

  #keep(chunk: Buffer): void {
    // Copied: a chunk is a view of a buffer that is much larger.
    const part = Buffer.from(chunk.subarray(0, WATCHED_BYTES - this.#keptBytes))
    this.#kept.push(part)
    this.#keptBytes += part.length
  }
}
