/**
 * Decodes the chunked coding, as strictly as it can be written (RFC 9112 7.1).
 *
 *     state          byte            then
 *     size_start     hex digit       size
 *     size           hex digit       size, bounded
 *     size           CR              size_end         chunk extensions are refused here
 *     size_end       LF              data, or line_start after the last chunk
 *     data           any             data, until the chunk is whole: data_cr
 *     data_cr        CR              data_end
 *     data_end       LF              size_start
 *     line_start     CR              last_end
 *     line_start     token byte      trailer_name
 *     trailer_name   token byte      trailer_name
 *     trailer_name   colon           trailer_value
 *     trailer_value  text, tab       trailer_value
 *     trailer_value  CR              trailer_end
 *     trailer_end    LF              line_start
 *     last_end       LF              done
 *     any            anything else   refused
 *
 * Trailers are dropped, and refused where they frame (RFC 9110 6.5.1). What the coding costs
 * beside its data is bounded, so that nobody keeps us busy without sending anything
 * (CVE-2024-22019).
 */

import { COLON, CR, HEX_VALUE, LF, NAME_BYTE, VALUE_BYTE } from './syntax.ts'

type State =
  | 'size_start'
  | 'size'
  | 'size_end'
  | 'data'
  | 'data_cr'
  | 'data_end'
  | 'line_start'
  | 'trailer_name'
  | 'trailer_value'
  | 'trailer_end'
  | 'last_end'
  | 'done'

const MAX_SIZE_DIGITS = 16
const MAX_TRAILER_BYTES = 8 * 1024
/** Said behind the body they would frame: whoever merges trailers would read it differently. */
const FRAMING = new Set(['content-length', 'transfer-encoding'])
/** Framing beside the data: this much, and this many times the data. A one-byte chunk costs 5. */
const FREE_OVERHEAD_BYTES = 64 * 1024
const OVERHEAD_RATIO = 4
/** Chunks above this are given on where they lie: moving them would cost more than a call. */
const MAX_MOVED_BYTES = 16 * 1024

export class ChunkDecoder {
  #problem: string | undefined
  #state: State = 'size_start'
  /** Of the chunk under way: its size so far, then what of it is still to come. */
  #left = 0
  #digits = 0
  #dataBytes = 0
  #overheadBytes = 0
  #trailerBytes = 0
  #trailerName = ''

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** What is wrong with the framing; nothing is taken any more once there is something. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Decodes from `at` on, until the body ends or its framing breaks, and returns the index behind
   * what it took. The buffer is the decoder's to change up to there: data is moved together in it,
   * so that the sink is called rarely. Nothing is given of a buffer in which the framing breaks.
   */
  push(bytes: Buffer, at: number, sink: (data: Buffer) => void): number {
    const pieces = new Pieces(bytes)
    let index = at
    while (index < bytes.length && this.#problem === undefined && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, index + this.#left)
        pieces.add(index, end)
        this.#takeData(end - index)
        index = end
      } else {
        this.#step(bytes[index] ?? 0)
        index += 1
      }
    }
    if (this.#problem === undefined) pieces.give(sink)
    return index
  }

  #takeData(bytes: number): void {
    this.#left -= bytes
    this.#dataBytes += bytes
    if (this.#left === 0) this.#state = 'data_cr'
  }

  // eslint-disable-next-line complexity -- one case per state of the table above
  #step(byte: number): void {
    this.#overheadBytes += 1
    switch (this.#state) {
      case 'size_start':
      case 'size':
        this.#size(byte)
        return
      case 'size_end':
        this.#sizeEnd(byte)
        return
      case 'data_cr':
        this.#expect(byte === CR, 'data_end')
        return
      case 'data_end':
        this.#expect(byte === LF, 'size_start')
        return
      case 'line_start':
      case 'trailer_name':
      case 'trailer_value':
        this.#trailer(byte)
        return
      case 'trailer_end':
        this.#expect(byte === LF, 'line_start')
        return
      case 'last_end':
        this.#expect(byte === LF, 'done')
        return
      case 'data':
      case 'done':
        // push looks at neither byte by byte
        return
    }
  }

  #expect(isThere: boolean, next: State): void {
    if (isThere) this.#state = next
    else this.#refuse('a chunk is not ended by CRLF')
  }

  #size(byte: number): void {
    const digit = HEX_VALUE[byte] ?? 16
    if (digit < 16) {
      this.#left = this.#left * 16 + digit
      this.#digits += 1
      this.#state = 'size'
      // Sixteen digits are 2^64: no product before that loses its size, only its last bits.
      if (this.#digits > MAX_SIZE_DIGITS || !Number.isSafeInteger(this.#left)) {
        this.#refuse('a chunk size is impossible')
      }
    } else if (byte === CR && this.#state === 'size') {
      this.#state = 'size_end'
    } else {
      this.#refuse('a chunk size is malformed')
    }
  }

  #sizeEnd(byte: number): void {
    this.#expect(byte === LF, this.#left === 0 ? 'line_start' : 'data')
    this.#digits = 0
    // Asked once per chunk, where the answer cannot depend on how the bytes were cut.
    if (this.#overheadBytes > FREE_OVERHEAD_BYTES + OVERHEAD_RATIO * this.#dataBytes) {
      this.#refuse('the chunks are too small')
    }
  }

  #trailer(byte: number): void {
    this.#trailerBytes += 1
    if (this.#trailerBytes > MAX_TRAILER_BYTES) this.#refuse('the trailers are too long')
    else if (this.#state === 'trailer_value') this.#trailerValue(byte)
    else this.#nameTrailer(byte)
  }

  #nameTrailer(byte: number): void {
    if (NAME_BYTE[byte] !== 0) {
      this.#trailerName += String.fromCharCode(byte)
      this.#state = 'trailer_name'
    } else if (byte === COLON && this.#state === 'trailer_name') {
      if (FRAMING.has(this.#trailerName.toLowerCase())) this.#refuse('a trailer frames the body')
      this.#trailerName = ''
      this.#state = 'trailer_value'
    } else if (byte === CR && this.#state === 'line_start') {
      this.#state = 'last_end'
    } else {
      this.#refuse('a trailer is malformed')
    }
  }

  #trailerValue(byte: number): void {
    if (byte === CR) this.#state = 'trailer_end'
    else if (VALUE_BYTE[byte] === 0) this.#refuse('a trailer is malformed')
  }

  #refuse(problem: string): void {
    this.#problem ??= problem
  }
}

/** The data of one buffer, moved together where that is cheap. */
class Pieces {
  readonly #bytes: Buffer
  /** Where each piece begins and ends, alternating. */
  readonly #bounds: number[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  add(start: number, end: number): void {
    const last = this.#bounds.length - 1
    const free = this.#bounds[last]
    if (free === undefined || end - start > MAX_MOVED_BYTES) {
      this.#bounds.push(start, end)
    } else {
      this.#bytes.copyWithin(free, start, end)
      this.#bounds[last] = free + end - start
    }
  }

  give(sink: (data: Buffer) => void): void {
    for (let index = 0; index < this.#bounds.length; index += 2) {
      sink(this.#bytes.subarray(this.#bounds[index], this.#bounds[index + 1]))
    }
  }
}
