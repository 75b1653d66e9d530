/** A body that streams past, with a look at its beginning: what it holds is known when it is over. */

import type { BodySink, BodySource } from '../http1/body.ts'
import { marksOfBody, NO_MARKS, WATCHED_BYTES, type Marks } from './marks.ts'

export class BodyWatch implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #kept: Buffer[] = []
  #keptBytes = 0

  constructor(source: BodySource) {
    this.#source = source
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
    return this.#keptBytes === 0 ? NO_MARKS : marksOfBody(Buffer.concat(this.#kept))
  }

  #keep(chunk: Buffer): void {
    // Copied: a chunk is a view of a buffer that is much larger.
    const part = Buffer.from(chunk.subarray(0, WATCHED_BYTES - this.#keptBytes))
    this.#kept.push(part)
    this.#keptBytes += part.length
  }
}
