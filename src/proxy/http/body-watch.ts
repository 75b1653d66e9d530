/** A body that streams past, with a look at its beginning: what it holds is known when it is over. */

import type { OtherBody } from '../../audit/parameters.ts'
import type { BodySink, BodySource } from '../http1/body.ts'
import { GrowingBuffer } from '../upstream/growing-buffer.ts'
import {
  joinMarks,
  marksOfBody,
  marksOfInjectedBody,
  NO_MARKS,
  WATCHED_BYTES,
  type Injected,
  type Marks,
} from './marks.ts'

const NOTHING = Buffer.alloc(0)

export class BodyWatch implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #injected: Injected
  readonly #kept = new GrowingBuffer()
  #bytes = 0
  #hasEnded = false

  constructor(source: BodySource, injected: Injected) {
    this.#source = source
    this.#injected = injected
    this.length = source.length
  }

  stream(sink: BodySink): void {
    this.#source.stream({
      onChunk: (chunk) => {
        this.#bytes += chunk.length
        // Copied: a chunk is a view of a buffer that is much larger.
        const room = WATCHED_BYTES - this.#kept.size
        if (room > 0) this.#kept.append(chunk.subarray(0, room))
        return sink.onChunk(chunk)
      },
      onEnd: () => {
        this.#hasEnded = true
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
    const bytes = this.#beginning()
    if (bytes.length === 0) return NO_MARKS
    return joinMarks(marksOfBody(bytes), marksOfInjectedBody(bytes, this.#injected))
  }

  /** What of it can be described. */
  seen(): OtherBody {
    const bytes = this.#beginning()
    const isWhole = this.#hasEnded && bytes.length === this.#bytes
    return { bytes, length: this.#bytes, isWhole }
  }

  #beginning(): Buffer {
    return this.#kept.append(NOTHING)
  }
}
