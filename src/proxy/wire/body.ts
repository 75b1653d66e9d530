/**
 * A request's body as its connection decodes it. Nothing is taken from the socket before somebody
 * wants it, and what is framed wrongly ends it: no byte of a chunk goes on before its size is read.
 */

import { performance } from 'node:perf_hooks'
import type { BodySink } from '../http1/body.ts'
import { ChunkDecoder } from '../http1/chunked.ts'
import type { BodyFailure, BodyProblem, WireBody } from './message.ts'

/** What a body asks of its connection. */
export interface BodyOwner {
  /** The sink takes bytes, from now on or again. */
  bodyWanted(): void
  /** Sends `100 Continue`. */
  sendContinue(): void
}

export interface BodyParts {
  /** As declared; undefined when chunked. */
  readonly length: number | undefined
  readonly awaitsContinue: boolean
  readonly maxBytes: number
  readonly owner: BodyOwner
}

/** Longest time for a body that a rule must read before anything is forwarded. */
const COLLECT_TIMEOUT_MS = 60_000

/** The body of a request that has none. */
export const NO_BODY: WireBody = {
  isPresent: false,
  length: 0,
  bytesRead: 0,
  maxBytes: 0,
  failure: undefined,
  proceed: () => undefined,
  stream(sink) {
    sink.onEnd()
  },
  resume: () => undefined,
  collect: () => Promise.resolve(Buffer.alloc(0)),
}

export class RequestBody implements WireBody {
  readonly isPresent = true
  readonly length: number | undefined
  readonly maxBytes: number
  bytesRead = 0
  failure: BodyFailure | undefined
  isComplete = false
  readonly #parts: BodyParts
  readonly #decoder: ChunkDecoder | undefined
  #sink: BodySink | undefined
  #isPaused = false
  #awaitsContinue: boolean

  constructor(parts: BodyParts) {
    this.#parts = parts
    this.length = parts.length
    this.maxBytes = parts.maxBytes
    this.#awaitsContinue = parts.awaitsContinue
    this.#decoder = parts.length === undefined ? new ChunkDecoder() : undefined
  }

  proceed(): void {
    if (!this.#awaitsContinue) return
    this.#awaitsContinue = false
    this.#parts.owner.sendContinue()
  }

  stream(sink: BodySink): void {
    if (this.failure !== undefined) {
      sink.onFailure()
      return
    }
    this.#sink = sink
    this.#parts.owner.bodyWanted()
  }

  resume(): void {
    this.#isPaused = false
    if (this.isOpen) this.#parts.owner.bodyWanted()
  }

  /** Whether somebody waits for bytes right now. */
  get isWanted(): boolean {
    return this.#sink !== undefined && !this.#isPaused && this.isOpen
  }

  get isOpen(): boolean {
    return !this.isComplete && this.failure === undefined
  }

  /** Takes what belongs to the body; returns the index behind it. Only while it is wanted. */
  feed(bytes: Buffer): number {
    this.#awaitsContinue = false // it did not wait
    return this.#decoder ? this.#feedChunks(this.#decoder, bytes) : this.#feedPlain(bytes)
  }

  /** The rest will not come, or is not to be believed. */
  fail(failure: BodyFailure): void {
    if (!this.isOpen) return
    this.failure = failure
    this.#sink?.onFailure()
  }

  /** Its reader has gone, and hears nothing more. */
  abandon(): void {
    this.#sink = undefined
  }

  collect(maxBytes: number, mayKeep: (bytes: number) => boolean): Promise<Buffer | BodyProblem> {
    if (this.length !== undefined && this.length > maxBytes) return Promise.resolve('too_large')
    return new Promise((resolve) => {
      this.stream(new Collector(this, { maxBytes, mayKeep, resolve }))
    })
  }

  #feedPlain(bytes: Buffer): number {
    const left = (this.length ?? 0) - this.bytesRead
    const part = bytes.length <= left ? bytes : bytes.subarray(0, left)
    this.#give(part)
    if (this.bytesRead === this.length) this.#complete()
    return part.length
  }

  #feedChunks(decoder: ChunkDecoder, bytes: Buffer): number {
    const consumed = decoder.push(bytes, 0, this.#give)
    if (this.failure !== undefined) return consumed
    if (decoder.problem !== undefined) this.fail('malformed')
    else if (decoder.isDone) this.#complete()
    return consumed
  }

  readonly #give = (data: Buffer): void => {
    if (this.failure !== undefined || data.length === 0) return
    this.bytesRead += data.length
    if (this.bytesRead > this.maxBytes) this.fail('too_large')
    else if (this.#sink?.onChunk(data) === false) this.#isPaused = true
  }

  #complete(): void {
    if (!this.isOpen) return
    this.isComplete = true
    this.#sink?.onEnd()
  }
}

interface Collecting {
  readonly maxBytes: number
  readonly mayKeep: (bytes: number) => boolean
  readonly resolve: (body: Buffer | BodyProblem) => void
}

class Collector implements BodySink {
  readonly #body: RequestBody
  readonly #collecting: Collecting
  readonly #chunks: Buffer[] = []
  // A byte now and then keeps the connection alive, and must not hold memory for ever.
  readonly #deadline = performance.now() + COLLECT_TIMEOUT_MS
  #isOver = false

  constructor(body: RequestBody, collecting: Collecting) {
    this.#body = body
    this.#collecting = collecting
  }

  onChunk(chunk: Buffer): boolean {
    if (this.#isOver) return false
    const { maxBytes, mayKeep } = this.#collecting
    if (this.#body.bytesRead > maxBytes) this.#settle('too_large')
    else if (performance.now() > this.#deadline) this.#settle('stalled')
    else if (mayKeep(chunk.length)) this.#chunks.push(chunk)
    else this.#settle('no_room')
    return !this.#isOver
  }

  onEnd(): void {
    const [only, other] = this.#chunks
    this.#settle(only && !other ? only : Buffer.concat(this.#chunks))
  }

  onFailure(): void {
    this.#settle(this.#body.failure ?? 'gone')
  }

  #settle(result: Buffer | BodyProblem): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#collecting.resolve(result)
  }
}
