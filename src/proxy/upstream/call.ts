/**
 * One request from its start to its end, wherever it is meanwhile: waiting, or carried by a
 * connection. It ends once; after that its listener hears nothing more.
 */

import type { Duplex } from 'node:stream'
import type { Failure } from '../../base/errors.ts'
import type { AnswerHead, AnswerListener, Call, UpstreamRequest } from './upstream.ts'
import type { Place, Waiting } from './wait-queue.ts'

/** The connection that a call is on. */
export interface Carrier {
  resume(): void
  /** The call was aborted: what is under way must not go on. */
  abandon(): void
}

export interface CallOwner {
  /** A final head came: the upstream is alive. */
  callAnswered(call: UpstreamCall): void
  /** It ended without a head. */
  callFailed(call: UpstreamCall, failure: Failure): void
  /** Its caller has gone, before a head if not `isAnswered`. */
  callAborted(call: UpstreamCall): void
}

/** Doing it twice is doing it once (RFC 9110 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export class UpstreamCall implements Call, Waiting<UpstreamCall> {
  readonly request: UpstreamRequest
  readonly #listener: AnswerListener
  readonly #owner: CallOwner
  carrier: Carrier | undefined
  place: Place<UpstreamCall> | undefined
  queuedAt = 0
  /** The breaker waits for what becomes of it. */
  isProbe = false
  wasRetried = false
  #isAnswered = false
  #isOver = false

  constructor(request: UpstreamRequest, listener: AnswerListener, owner: CallOwner) {
    this.request = request
    this.#listener = listener
    this.#owner = owner
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** Whether it may be sent again after a connection took it and died without a word. */
  get mayRetry(): boolean {
    const { method, body } = this.request
    const isHeld = body === undefined || Buffer.isBuffer(body)
    return isHeld && !this.wasRetried && IDEMPOTENT.has(method)
  }

  resume(): void {
    this.carrier?.resume()
  }

  abort(): void {
    if (this.#isOver) return
    const carrier = this.#leave()
    carrier?.abandon()
    this.#owner.callAborted(this)
  }

  headed(head: AnswerHead): void {
    this.#isAnswered = true
    this.#owner.callAnswered(this)
    this.#listener.onHead(head)
  }

  chunk(data: Buffer): boolean {
    return this.#listener.onChunk(data)
  }

  end(): void {
    if (this.#isOver) return
    this.#leave()
    this.#listener.onEnd()
  }

  switched(head: AnswerHead, connection: Duplex): void {
    if (this.#isOver) return
    this.#isAnswered = true
    this.#leave()
    this.#owner.callAnswered(this)
    this.#listener.onSwitch(head, connection)
  }

  fail(failure: Failure): void {
    if (this.#isOver) return
    this.#leave()
    if (!this.#isAnswered) this.#owner.callFailed(this, failure)
    this.#listener.onFailure(failure)
  }

  /** Fails before the next event, but not before the caller has this call in hand. */
  failSoon(failure: Failure): void {
    this.carrier = undefined
    queueMicrotask(() => {
      this.fail(failure)
    })
  }

  #leave(): Carrier | undefined {
    const { carrier } = this
    this.#isOver = true
    this.carrier = undefined
    return carrier
  }
}
