/**
 * An answer that is coded though nobody asked for that: decoded as it comes, so that it can be looked
 * through. It is sent on as what it says, not as it came.
 */

import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'
import type { Transform } from 'node:stream'

export interface DecodingParts {
  /** False when it would rather have no more for now. */
  readonly write: (bytes: Buffer) => boolean
  /** It takes more again. */
  readonly onDrain: () => void
  readonly onEnd: () => void
  /** It is not what its coding says, or far more than anybody means. */
  readonly onProblem: () => void
}

const CODINGS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

/** So much may come out of anything; beyond it, only so many times what went in. */
const ALWAYS_BYTES = 8 * 1024 * 1024
const MOST_TIMES = 100

/** Whether an answer with this coding, in lower case, can be decoded; several codings cannot. */
export function isDecodable(coding: string): boolean {
  return Object.hasOwn(CODINGS, coding)
}

export class Decoding {
  readonly #stream: Transform
  readonly #parts: DecodingParts
  #bytesIn = 0
  #bytesOut = 0
  #isOver = false

  constructor(coding: string, parts: DecodingParts) {
    const create = CODINGS[coding]
    if (!create) throw new TypeError('not decodable')
    const stream = create()
    this.#stream = stream
    this.#parts = parts
    stream.on('data', (bytes: Buffer) => {
      this.#bytesOut += bytes.length
      if (this.#isBomb()) this.#fail()
      else if (!this.#isOver && !parts.write(bytes)) stream.pause()
    })
    stream.on('drain', parts.onDrain)
    stream.once('end', () => {
      if (!this.#isOver) parts.onEnd()
      this.#isOver = true
    })
    stream.on('error', () => {
      this.#fail()
    })
  }

  /** False when it would rather have no more for now. */
  take(chunk: Buffer): boolean {
    this.#bytesIn += chunk.length
    return this.#isOver || this.#stream.write(chunk)
  }

  end(): void {
    if (this.#bytesIn > 0 || this.#isOver) {
      this.#stream.end()
      return
    }
    // Nothing at all is what some servers make of an empty body.
    this.close()
    this.#parts.onEnd()
  }

  /** Who takes what comes out takes more again. */
  resume(): void {
    this.#stream.resume()
  }

  close(): void {
    this.#isOver = true
    this.#stream.destroy()
  }

  #isBomb(): boolean {
    return this.#bytesOut > ALWAYS_BYTES && this.#bytesOut > this.#bytesIn * MOST_TIMES
  }

  #fail(): void {
    if (this.#isOver) return
    this.close()
    this.#parts.onProblem()
  }
}
