/** A body that streams past, looked at on the way and kept in part: what it holds is known when it is over. */

import type { OtherBody } from '../../audit/parameters.ts'
import type { BodySink, BodySource } from '../http1/body.ts'
import { GrowingBuffer } from '../upstream/growing-buffer.ts'
import { BodyMarks } from './body-marks.ts'
import type { Looked, Marks } from './marks.ts'

/** So much of a body is kept to be described. */
const KEPT_BYTES = 64 * 1024

const NOTHING = Buffer.alloc(0)

export class BodyWatch implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #kept = new GrowingBuffer()
  #bytes = 0
  #hasEnded = false
  readonly #marks: BodyMarks
  /** Bytes of the kept ones that were looked at. */
  #lookedAt = 0

  constructor(source: BodySource, looked: Looked) {
    this.#source = source
    this.#marks = new BodyMarks(looked)
    this.length = source.length
  }

  stream(sink: BodySink): void {
    this.#source.stream({
      onChunk: (chunk) => {
        this.#watch(chunk)
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
    this.#lookAtKept()
    return this.#marks.marks()
  }

  /** What of it can be described. */
  seen(): OtherBody {
    const bytes = this.#beginning()
    const isWhole = this.#hasEnded && bytes.length === this.#bytes
    return { bytes, length: this.#bytes, isWhole }
  }

  /** A short body is looked at when it is over, a longer one as it comes. */
  #watch(chunk: Buffer): void {
    this.#bytes += chunk.length
    const room = KEPT_BYTES - this.#kept.size
    // Copied: a chunk is a view of a buffer that is much larger.
    if (room > 0) this.#kept.append(chunk.subarray(0, room))
    if (room >= chunk.length) return
    this.#lookAtKept()
    this.#marks.push(chunk.subarray(room))
  }

  #lookAtKept(): void {
    const unseen = this.#beginning().subarray(this.#lookedAt)
    this.#lookedAt += unseen.length
    if (unseen.length > 0) this.#marks.push(unseen)
  }

  #beginning(): Buffer {
    return this.#kept.append(NOTHING)
  }
}
