/**
 * One socket to an upstream, for one request at a time. It writes the request, reads the answer
 * and says what may become of the socket. Whatever is not wholly clean ends it: an answer that is
 * malformed or cut off, bytes that nobody asked for, an upload that its answer overtook.
 */

import type { Socket } from 'node:net'
import type { Failure } from '../../base/errors.ts'
import type { BodySource } from '../http1/body.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { AnswerReader } from './answer-reader.ts'
import type { AnswerSink } from './answer-reader.ts'
import type { Carrier, UpstreamCall } from './call.ts'
import { broken, malformed, requestBodyFailed, timedOut, unwritable } from './failures.ts'
import { idleTimeMs } from './keep-alive.ts'
import type { UpstreamLimits } from './limits.ts'
import { formatRequestHead } from './request-writer.ts'
import { sourceOf, Upload } from './upload.ts'
import type { UploadListener } from './upload.ts'

export interface ConnectionOwner {
  readonly limits: UpstreamLimits
  now(): number
  /** The answer is read and the connection is clean. */
  released(connection: Connection): void
  /** The event loop has looked at its socket since. */
  rested(connection: Connection): void
  /** The connection is of no use any more; told once. */
  gone(connection: Connection): void
  /** The connection was dead already, and the call may go over another. */
  retry(call: UpstreamCall): void
}

/** Held bodies up to this size leave together with their head. */
const SMALL_BODY_BYTES = 64 * 1024
/** Silence after which the system asks whether the peer of a tunnel is still there. */
const KEEP_ALIVE_MS = 60_000

export class Connection implements Carrier, AnswerSink, UploadListener {
  readonly socket: Socket
  readonly bornAt: number
  /** When it must not be used any more, if it is idle then. */
  idleUntil = Infinity
  readonly #owner: ConnectionOwner
  readonly #reader: AnswerReader
  readonly #listeners: readonly (readonly [event: string, listener: (bytes: Buffer) => void])[]
  #call: UpstreamCall | undefined
  #upload: Upload | undefined
  #head: ResponseHead | undefined
  #isSent = false
  #isPaused = false
  #isGone = false
  #served = 0
  /** When something moved last that the upstream has to answer for. */
  #movedAt = 0

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket
    this.#owner = owner
    this.bornAt = owner.now()
    this.#reader = new AnswerReader(owner.limits, this)
    const ended = (): void => {
      this.#ended()
    }
    const closed = (): void => {
      this.#broke(broken())
    }
    this.#listeners = [
      ['data', this.#received],
      ['end', ended],
      ['drain', () => this.#upload?.drained()],
      ['error', closed],
      ['close', closed],
    ]
    for (const [event, listener] of this.#listeners) socket.on(event, listener)
  }

  /** Whether a request may be written to it. */
  get isUsable(): boolean {
    const { socket } = this
    const isEmpty = socket.readableLength === 0 && socket.writableLength === 0
    return !this.#isGone && socket.writable && !socket.readableEnded && isEmpty
  }

  get isBusy(): boolean {
    return this.#call !== undefined
  }

  /** Sends the call's request. Its listener is told nothing before this returns. */
  carry(call: UpstreamCall): void {
    const { request } = call
    const head = formatRequestHead(request)
    if (head === undefined) {
      this.#owner.released(this)
      call.failSoon(unwritable())
      return
    }
    call.carrier = this
    this.#call = call
    this.#head = undefined
    this.#served += 1
    this.#movedAt = this.#owner.now()
    this.#reader.begin(request.method, request.upgrade)
    const { body } = request
    if (body === undefined) this.#sendWhole(head)
    else if (Buffer.isBuffer(body) && body.length <= SMALL_BODY_BYTES) this.#sendWhole(head, body)
    else this.#sendSlowly(head, Buffer.isBuffer(body) ? sourceOf(body, SMALL_BODY_BYTES) : body)
  }

  rested(): void {
    this.#owner.rested(this)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#movedAt = this.#owner.now()
    this.socket.resume()
  }

  abandon(): void {
    this.#call = undefined
    this.destroy()
  }

  /** Ends it now; a call on it hears nothing of it. */
  destroy(): void {
    this.#forget()
    this.socket.destroy()
  }

  /** Ends a clean connection in good manners. */
  retire(): void {
    this.#forget()
    this.socket.destroySoon()
  }

  /** Ends it, and its call with this failure. */
  fail(failure: Failure): void {
    const call = this.#call
    this.destroy()
    call?.fail(failure)
  }

  /** Ends the call if its upstream was silent for too long. */
  checkTime(now: number): void {
    if (this.#call !== undefined && now - this.#movedAt > this.#patienceMs()) this.fail(timedOut())
  }

  answerHead(head: ResponseHead): void {
    this.#head = head
    this.#movedAt = this.#owner.now()
    this.#call?.headed(head)
  }

  answerChunk(data: Buffer): void {
    if (this.#call === undefined || this.#call.chunk(data)) return
    this.#isPaused = true
    this.socket.pause()
  }

  answerEnd(hasMore: boolean): void {
    const call = this.#call
    // What TLS has written counts as unwritten for a turn more: `isUsable` asks after the rest.
    const isClean = this.#isSent && !hasMore
    this.#call = undefined
    this.#upload?.stop()
    this.#upload = undefined
    if (!isClean) this.destroy()
    else if (this.#head?.keepsAlive !== true || this.socket.readableEnded) this.retire()
    else this.#rest(this.#head)
    call?.end()
  }

  answerSwitch(head: ResponseHead, rest: Buffer): void {
    const { socket } = this
    const call = this.#call
    this.#call = undefined
    this.#upload?.stop()
    socket.pause()
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    for (const [event, listener] of this.#listeners) socket.off(event, listener)
    if (rest.length > 0) socket.unshift(rest)
    // Its place in the pool is taken until it ends.
    socket.once('close', () => {
      this.#forget()
    })
    call?.switched(head, socket)
  }

  answerProblem(): void {
    this.fail(malformed())
  }

  uploadMoved(): void {
    this.#movedAt = this.#owner.now()
  }

  uploadEnded(): void {
    this.#isSent = true
    this.#movedAt = this.#owner.now()
  }

  uploadFailed(): void {
    const call = this.#call
    this.destroy()
    call?.failSoon(requestBodyFailed())
  }

  #sendWhole(head: string, body?: Buffer): void {
    this.#isSent = true
    if (body === undefined || body.length === 0) {
      this.socket.write(head, 'latin1')
      return
    }
    const message = Buffer.allocUnsafe(head.length + body.length)
    message.write(head, 'latin1')
    body.copy(message, head.length)
    this.socket.write(message)
  }

  #sendSlowly(head: string, source: BodySource): void {
    this.#isSent = false
    const upload = new Upload(this.socket, source, this)
    this.#upload = upload
    upload.begin(head)
  }

  readonly #received = (bytes: Buffer): void => {
    if (this.#call === undefined) {
      this.destroy() // nobody asked: it would be taken for the next request's answer
      return
    }
    if (this.#head !== undefined) this.#movedAt = this.#owner.now()
    this.#reader.push(bytes)
  }

  #ended(): void {
    if (this.#reader.end()) this.destroy()
    else this.#broke(this.#reader.hasBegun ? malformed() : broken())
  }

  #broke(failure: Failure): void {
    const call = this.#call
    const isStale = this.#served > 1 && !this.#reader.hasBegun
    if (call === undefined || !isStale || !call.mayRetry) {
      this.fail(failure)
      return
    }
    // Before this connection gives its place in the pool away.
    this.#owner.retry(call)
    this.destroy()
  }

  #patienceMs(): number {
    const { limits } = this.#owner
    if (this.#isPaused) return Infinity
    if (this.#head !== undefined) return limits.bodyIdleTimeoutMs
    if (this.socket.writableLength > 0) return limits.writeTimeoutMs
    return this.#isSent ? limits.headTimeoutMs : Infinity
  }

  #rest(head: ResponseHead): void {
    const now = this.#owner.now()
    this.resume()
    this.idleUntil = Math.min(
      now + idleTimeMs(head.headers, this.#owner.limits),
      this.bornAt + this.#owner.limits.maxAgeMs,
    )
    if (this.idleUntil > now) this.#owner.released(this)
    else this.retire()
  }

  #forget(): void {
    this.#call = undefined
    this.#upload?.stop()
    this.#upload = undefined
    this.#reader.stop()
    if (this.#isGone) return
    this.#isGone = true
    this.#owner.gone(this)
  }
}
