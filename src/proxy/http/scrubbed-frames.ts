/**
 * What an upstream says on a WebSocket (RFC 6455), without the credential that it was given: message by
 * message, whatever its frames are. Those may change, since what may be the beginning of the credential
 * waits for the next frame of its message.
 */

import type { Needles } from '../../scrub/needles.ts'
import { Scrubber } from '../../scrub/scrubber.ts'

export interface ScrubbedFramesParts {
  readonly needles: Needles
  /** False when it would rather have no more for now. */
  readonly write: (bytes: Buffer) => boolean
  /** These are no frames of a server that agreed to no extension. */
  readonly onProblem: () => void
}

interface Frame {
  readonly opcode: number
  readonly isFinal: boolean
  /** Bytes of its payload still to come. */
  left: number
}

/** A longer frame is sent in parts. */
const PART_BYTES = 64 * 1024
const CONTINUATION = 0
const BINARY = 2
const CLOSE = 8
const PONG = 10
const MAX_CONTROL_BYTES = 125
const FINAL = 0x80

export class ScrubbedFrames {
  readonly #parts: ScrubbedFramesParts
  readonly #message: Scrubber
  #controlHits = 0
  #chunks: Buffer[] = []
  #size = 0
  #frame: Frame | undefined
  /** Of the message under way, until it has been sent once. */
  #opcode: number | undefined
  #isOver = false

  constructor(parts: ScrubbedFramesParts) {
    this.#parts = parts
    this.#message = new Scrubber(parts.needles)
  }

  /** How often the credential was there. */
  get hits(): number {
    return this.#message.hits + this.#controlHits
  }

  take(chunk: Buffer): boolean {
    if (this.#isOver) return true
    this.#chunks.push(chunk)
    this.#size += chunk.length
    let isReady = true
    for (let step = this.#step(); step !== undefined; step = this.#step()) isReady = step && isReady
    return isReady
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#isOver = true
    this.#chunks = []
    this.#size = 0
  }

  /** Undefined when it takes more bytes to go on. */
  #step(): boolean | undefined {
    if (this.#isOver) return undefined
    const frame = this.#frame ?? this.#header()
    if (!frame) return undefined
    this.#frame = frame
    const length = Math.min(frame.left, PART_BYTES)
    if (this.#size < length) return undefined
    const payload = this.#read(length)
    frame.left -= length
    if (frame.left === 0) this.#frame = undefined
    return frame.opcode >= CLOSE ? this.#control(frame, payload) : this.#data(frame, payload)
  }

  #header(): Frame | undefined {
    const head = this.#peek(10)
    const [first, second] = head
    if (first === undefined || second === undefined) return undefined
    const opcode = first & 0x0f
    const isFinal = first >= FINAL
    const short = second & 0x7f
    const size = short < 126 ? 2 : short === 126 ? 4 : 10
    if (head.length < size) return undefined
    const left = lengthIn(head, short)
    // Bits of extensions, and the mask that only clients put on.
    const isOdd = (first & 0x70) !== 0 || second >= 0x80 || left > Number.MAX_SAFE_INTEGER
    if (isOdd || !this.#mayFollow({ opcode, isFinal, left })) {
      this.#fail()
      return undefined
    }
    this.#read(size)
    return { opcode, isFinal, left }
  }

  #mayFollow({ opcode, isFinal, left }: Frame): boolean {
    if (opcode >= CLOSE) return opcode <= PONG && isFinal && left <= MAX_CONTROL_BYTES
    if (opcode > BINARY) return false
    return (opcode === CONTINUATION) === (this.#opcode !== undefined)
  }

  #control({ opcode }: Frame, payload: Buffer): boolean {
    const scrubber = new Scrubber(this.#parts.needles)
    const clean = Buffer.concat([scrubber.push(payload), scrubber.end()])
    this.#controlHits += scrubber.hits
    return this.#parts.write(formatFrame(FINAL | opcode, clean))
  }

  #data({ opcode, isFinal, left }: Frame, payload: Buffer): boolean {
    const sent = this.#opcode ?? opcode
    const isLast = isFinal && left === 0
    const free = this.#message.push(payload)
    const clean = isLast ? Buffer.concat([free, this.#message.end()]) : free
    if (clean.length === 0 && !isLast) {
      this.#opcode = sent
      return true
    }
    this.#opcode = isLast ? undefined : CONTINUATION
    return this.#parts.write(formatFrame(isLast ? FINAL | sent : sent, clean))
  }

  #fail(): void {
    this.close()
    this.#parts.onProblem()
  }

  /** At most so many bytes; they stay. */
  #peek(length: number): Buffer {
    const [first] = this.#chunks
    if (first && (first.length >= length || this.#chunks.length === 1))
      return first.subarray(0, length)
    return this.#joined().subarray(0, length)
  }

  #read(length: number): Buffer {
    const all = this.#joined()
    const rest = all.subarray(length)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
    return all.subarray(0, length)
  }

  #joined(): Buffer {
    const [first] = this.#chunks
    const all = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}

function lengthIn(head: Buffer, short: number): number {
  if (short < 126) return short
  return short === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
}

function formatFrame(first: number, payload: Buffer): Buffer {
  const { length } = payload
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(size + length)
  frame[0] = first
  if (size === 2) frame[1] = length
  else if (size === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  payload.copy(frame, size)
  return frame
}
