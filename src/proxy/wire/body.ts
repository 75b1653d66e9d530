/**
 * A request body on node:http, pulled chunk by chunk.
 *
 * It never destroys the request when its reader stops early: the answer may still be under way
 * on the same connection. What is left unread is drained within limits, then the connection ends.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BodyProblem, WireBody } from './message.ts'

export interface BodyParts {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly length: number | undefined
  readonly awaitsContinue: boolean
  /** Longest silence of the client while somebody waits for its body. */
  readonly idleTimeoutMs: number
}

interface Waiting {
  readonly resolve: (result: IteratorResult<Buffer>) => void
  readonly reject: (error: Error) => void
}

/** The body of a request that has none. */
export const NO_BODY: WireBody = {
  isPresent: false,
  length: 0,
  bytesRead: 0,
  hasFailed: false,
  proceed: () => undefined,
  async *chunks() {
    // nothing to give
  },
  collect: () => Promise.resolve(Buffer.alloc(0)),
}

/** Longest time for a body that a rule must read before anything is forwarded. */
const COLLECT_TIMEOUT_MS = 60_000

const DONE: IteratorResult<Buffer> = { done: true, value: undefined }

export class NodeBody implements WireBody, AsyncIterableIterator<Buffer> {
  readonly isPresent = true
  readonly length: number | undefined
  bytesRead = 0
  hasFailed = false
  readonly #parts: BodyParts
  #awaitsContinue: boolean
  #isReading = false
  #isDiscarded = false
  #waiting: Waiting | undefined
  #idleTimer: NodeJS.Timeout | undefined

  constructor(parts: BodyParts) {
    this.#parts = parts
    this.length = parts.length
    this.#awaitsContinue = parts.awaitsContinue
  }

  proceed(): void {
    if (!this.#awaitsContinue) return
    this.#awaitsContinue = false
    this.#parts.response.writeContinue()
  }

  chunks(): AsyncIterable<Buffer> {
    return this
  }

  async collect(
    maxBytes: number,
    mayKeep: (bytes: number) => boolean,
  ): Promise<Buffer | BodyProblem> {
    if (this.length !== undefined && this.length > maxBytes) return 'too_large'
    const chunks: Buffer[] = []
    const deadline = performance.now() + COLLECT_TIMEOUT_MS
    try {
      for await (const chunk of this) {
        if (this.bytesRead > maxBytes) return 'too_large'
        // A byte now and then resets the idle timer, and must not hold memory for ever.
        if (performance.now() > deadline) throw this.#gone()
        if (!mayKeep(chunk.length)) return 'no_room'
        chunks.push(chunk)
      }
    } catch {
      return 'gone'
    }
    return Buffer.concat(chunks)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Buffer>> {
    this.#begin()
    const result = this.#take()
    if (result) return Promise.resolve(result)
    const { request, idleTimeoutMs } = this.#parts
    if (request.destroyed) return Promise.reject(this.#gone())
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#idleTimer = setTimeout(this.#fail, idleTimeoutMs)
    })
  }

  /** The reader has enough. The request stays whole; `discard` deals with the rest. */
  return(): Promise<IteratorResult<Buffer>> {
    return Promise.resolve(DONE)
  }

  /** Nobody will read on: whatever still comes is thrown away. True when all of it has come. */
  discard(): boolean {
    const { request } = this.#parts
    this.#isDiscarded = true
    this.#end()
    this.#settle(DONE)
    request.resume()
    return request.complete
  }

  #begin(): void {
    if (this.#isReading || this.#isDiscarded) return
    this.#isReading = true
    this.#parts.request
      .on('readable', this.#wake)
      .on('end', this.#wake)
      .on('error', this.#fail)
      .on('close', this.#fail)
  }

  #end(): void {
    if (!this.#isReading) return
    this.#isReading = false
    this.#parts.request
      .off('readable', this.#wake)
      .off('end', this.#wake)
      .off('error', this.#fail)
      .off('close', this.#fail)
  }

  #take(): IteratorResult<Buffer> | undefined {
    const { request } = this.#parts
    if (this.#isDiscarded) return DONE
    const chunk = request.read() as Buffer | null // no encoding is ever set
    if (chunk === null) return request.readableEnded ? DONE : undefined
    this.bytesRead += chunk.length
    return { done: false, value: chunk }
  }

  readonly #wake = (): void => {
    if (!this.#waiting) return
    const result = this.#take()
    if (result) this.#settle(result)
  }

  readonly #fail = (): void => {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    clearTimeout(this.#idleTimer)
    waiting.reject(this.#gone())
  }

  #gone(): Error {
    this.hasFailed = true
    return new Error('the client stopped sending its body')
  }

  #settle(result: IteratorResult<Buffer>): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    clearTimeout(this.#idleTimer)
    waiting.resolve(result)
  }
}
