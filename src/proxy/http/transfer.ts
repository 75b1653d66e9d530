/**
 * One admitted request on its way: both bodies pass as they come, at the pace of the slower side.
 * It ends once, by whatever happens first, and then says so to the admission.
 */

import { performance } from 'node:perf_hooks'
import type { Failure } from '../../base/errors.ts'
import type { Admission, Outcome } from '../admission.ts'
import type { AnswerListener, Call, UpstreamRequest } from '../upstream/pool.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import { answerHeaders } from './answer-head.ts'
import type { HeldBody } from './facts.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'
import type { Problem } from './problem.ts'
import type { DoorAddress } from './rewrite.ts'

/** Why a transfer was cut from our side. */
export type CutCause = 'terminated_by_revoke' | 'shutdown'

export interface TransferParts {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly admission: Admission
  /** The head as it leaves, credential and all. */
  readonly outgoing: Omit<UpstreamRequest, 'body'>
  readonly held: HeldBody | undefined
  /** `performance.now()` when the head had come. */
  readonly startedAt: number
  readonly door: () => DoorAddress
  /** Sends an answer of ours; only while nothing was sent. */
  readonly answer: (problem: Problem) => void
  /** Called once, at the end. */
  readonly ended: (transfer: Transfer) => void
  /** The upstream did not take the credential. */
  readonly unauthorised: () => void
}

type Send = (request: UpstreamRequest, listener: AnswerListener) => Call

export class Transfer implements AnswerListener {
  readonly #parts: TransferParts
  readonly #admittedMs: number
  #call: Call | undefined
  #isOver = false
  #status: number | undefined
  #firstByteMs: number | undefined
  #responseBytes = 0

  constructor(parts: TransferParts) {
    this.#parts = parts
    this.#admittedMs = performance.now() - parts.startedAt
  }

  /** Sends the request, unless its client has gone or its token was revoked by now. */
  begin(send: Send): void {
    const { request, reply, admission, outgoing, held } = this.#parts
    reply.whenGone(this.#clientGone)
    admission.signal.addEventListener('abort', this.#revoked)
    if (admission.signal.aborted) this.#revoked()
    if (this.hasEnded()) return
    const body = held ? held.bytes : this.#streamedBody(request)
    const call = send({ ...outgoing, body }, this)
    this.#call = call
    // What ended it while it was being sent had nothing to abort yet.
    if (this.hasEnded()) call.abort()
  }

  hasEnded(): boolean {
    return this.#isOver
  }

  onHead(status: number, reason: string, headers: readonly Buffer[]): boolean {
    const { reply, admission, startedAt, door } = this.#parts
    this.#status = status
    this.#firstByteMs = performance.now() - startedAt
    if (status === 401) this.#parts.unauthorised()
    const answer = answerHeaders(headers, door)
    answer.push('apistronghold-request-id', admission.requestId)
    reply.start(status, isPrintable(reason) ? reason : '', answer)
    return true
  }

  onChunk(chunk: Buffer): boolean {
    this.#responseBytes += chunk.length
    if (this.#parts.reply.write(chunk)) return true
    this.#parts.reply.whenWritable(this.#resume)
    return false
  }

  onEnd(): void {
    if (this.#isOver) return
    this.#parts.reply.end()
    this.#end({ result: 'answered' })
  }

  onFailure(failure: Failure): void {
    if (this.#isOver) return
    if (this.#parts.request.body.hasFailed) {
      this.#clientGone()
      return
    }
    const { reply, admission, answer } = this.#parts
    this.#end({ result: 'failed', cause: failure.code })
    if (reply.hasStarted) reply.cut()
    else answer(problemOfFailure(failure, admission.requestId))
  }

  /** Ends both sides now; a client that got nothing yet is told why. */
  cut(cause: CutCause): void {
    if (this.#isOver) return
    this.#call?.abort()
    const { reply, admission, answer } = this.#parts
    this.#end({ result: 'cut', cause })
    if (reply.hasStarted || cause === 'shutdown') reply.cut()
    else answer(problemOfRefusal({ reason: 'token_revoked' }, admission))
  }

  readonly #resume = (): void => {
    this.#call?.resume()
  }

  readonly #revoked = (): void => {
    this.cut('terminated_by_revoke')
  }

  readonly #clientGone = (): void => {
    if (this.#isOver) return
    this.#call?.abort()
    this.#end({ result: 'abandoned', cause: 'client_gone' })
    this.#parts.reply.cut()
  }

  #streamedBody({ body }: WireRequest): AsyncIterable<Buffer> | undefined {
    if (!body.isPresent) return undefined
    body.proceed()
    return body.chunks()
  }

  #end(ending: Pick<Outcome, 'result' | 'cause'>): void {
    this.#isOver = true
    const { request, admission, held, startedAt } = this.#parts
    held?.release()
    admission.signal.removeEventListener('abort', this.#revoked)
    admission.close({
      ...ending,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      requestBytes: request.body.bytesRead,
      responseBytes: this.#responseBytes,
      durationsMs: {
        admitted: this.#admittedMs,
        ...(this.#firstByteMs === undefined ? {} : { firstByte: this.#firstByteMs }),
        total: performance.now() - startedAt,
      },
    })
    this.#parts.ended(this)
  }
}

/** A reason phrase is decoration; one with odd bytes is left out. */
function isPrintable(reason: string): boolean {
  return /^[\x20-\x7e]*$/.test(reason)
}
