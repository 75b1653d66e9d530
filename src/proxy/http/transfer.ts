/**
 * One admitted request on its way: both bodies pass as they come, at the pace of the slower side.
 * It ends once, by whatever happens first, and then says so to the admission.
 */

import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { createUsageReader, type UsageReader } from '../../audit/usage-reader.ts'
import type { UsagePlaces } from '../../audit/usage.ts'
import type { Failure } from '../../base/errors.ts'
import type { Operation } from '../../catalog/catalog.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { Admission, Outcome } from '../admission.ts'
import type { BodySource } from '../http1/body.ts'
import type { AnswerHead, AnswerListener, Call, UpstreamRequest } from '../upstream/upstream.ts'
import type { BodyFailure, ReplyHead, WireBody, WireReply, WireRequest } from '../wire/message.ts'
import { answerHeaders, answerValue } from './answer-head.ts'
import { BodyWatch } from './body-watch.ts'
import type { Directory } from './directory.ts'
import { unreadableBody } from './facts.ts'
import type { HeldBody } from './facts.ts'
import { headerValue, type HeaderList } from './headers.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'
import type { Problem } from './problem.ts'
import { Tunnel } from './tunnel.ts'
import type { TunnelEnd } from './tunnel.ts'
import { upgradeOf } from './upgrade.ts'

/** Why a transfer was cut from our side. */
export type CutCause = 'terminated_by_revoke' | 'audit_unavailable' | 'shutdown'

/** An admitted request, ready to leave. */
export interface Forwarding {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly directory: Directory
  readonly operation: Operation
  /** The door's own segment, as `/stripe`, or nothing. */
  readonly prefix: string
  readonly headers: HeaderList
  readonly held: HeldBody | undefined
  /** `performance.now()` when the head had come. */
  readonly startedAt: number
  readonly admission: Admission
  /** Sends an answer of ours; does nothing once something was sent. */
  answer(problem: Problem): void
}

/** Who keeps the transfers of a process. */
export interface TransferOwner {
  send(transfer: Transfer, request: UpstreamRequest): Call
  /** Called once, at the end. */
  ended(transfer: Transfer): void
  /** The upstream did not take the credential. */
  unauthorised(transfer: Transfer): void
}

const OUTCOME_OF_TUNNEL: Readonly<Record<TunnelEnd, Pick<Outcome, 'result' | 'cause'>>> = {
  ended: { result: 'answered' },
  client_broke: { result: 'abandoned', cause: 'client_gone' },
  upstream_broke: { result: 'failed', cause: 'upstream_unreachable' },
}

const REASON_OF_CUT = {
  terminated_by_revoke: 'token_revoked',
  audit_unavailable: 'audit_unavailable',
} as const

export class Transfer implements AnswerListener {
  readonly forwarding: Forwarding
  readonly #owner: TransferOwner
  readonly #admittedMs: number
  #call: Call | undefined
  #tunnel: Tunnel | undefined
  #isOver = false
  #status: number | undefined
  #firstByteMs: number | undefined
  #responseBytes = 0
  /** Only where the service says that its answers tell what they cost. */
  #usage: UsageReader | undefined
  #watch: BodyWatch | undefined

  constructor(forwarding: Forwarding, owner: TransferOwner) {
    this.forwarding = forwarding
    this.#owner = owner
    this.#admittedMs = performance.now() - forwarding.startedAt
  }

  /** Sends the request, unless its client has gone or its token was revoked by now. */
  begin(head: Omit<UpstreamRequest, 'body' | 'upgrade'>): void {
    const { request, reply, operation, admission, held } = this.forwarding
    reply.whenGone(this.#clientGone)
    admission.whenCut(this.#revoked)
    if (this.hasEnded()) return
    const { method, path, headers } = head
    const body = held ? held.bytes : this.#streamed(request)
    const upgrade = upgradeOf(request, operation)
    const call = this.#owner.send(this, { method, path, headers, body, upgrade })
    this.#call = call
    // What ended it while it was being sent had nothing to abort yet.
    if (this.hasEnded()) call.abort()
  }

  hasEnded(): boolean {
    return this.#isOver
  }

  onHead(head: AnswerHead): void {
    if (head.status === 401) this.#owner.unauthorised(this)
    this.forwarding.reply.start(this.#answered(head))
  }

  onChunk(chunk: Buffer): boolean {
    const { reply } = this.forwarding
    this.#responseBytes += chunk.length
    this.#usage?.take(chunk)
    if (reply.write(chunk)) return true
    reply.whenWritable(this.#resume)
    return false
  }

  onSwitch(head: AnswerHead, connection: Duplex): void {
    const { request, reply } = this.forwarding
    const client = reply.switchTo(request.upgrade ?? '', this.#answered(head))
    if (client) {
      this.#tunnel = new Tunnel({ client, upstream: connection }, this.#tunnelEnded)
      return
    }
    connection.destroy()
    this.#end({ result: 'abandoned', cause: 'client_spoke_early' })
  }

  onEnd(): void {
    if (this.#isOver) return
    this.forwarding.reply.end()
    this.#end({ result: 'answered' })
  }

  onFailure(failure: Failure): void {
    if (this.#isOver) return
    const { request, reply, admission } = this.forwarding
    const { failure: bodyFailure } = request.body
    if (bodyFailure !== undefined) {
      this.#bodyFailed(bodyFailure)
      return
    }
    this.#end({ result: 'failed', cause: failure.code })
    if (reply.hasStarted) reply.cut()
    else this.forwarding.answer(problemOfFailure(failure, admission.requestId))
  }

  /** Ends both sides now; a client that got nothing yet is told why. */
  cut(cause: CutCause): void {
    if (this.#isOver) return
    const { reply, admission } = this.forwarding
    this.#call?.abort()
    this.#tunnel?.cut()
    this.#end({ result: 'cut', cause })
    if (reply.hasStarted || cause === 'shutdown') reply.cut()
    else this.forwarding.answer(problemOfRefusal({ reason: REASON_OF_CUT[cause] }, admission))
  }

  /** One that is coded says nothing to who looks at it. */
  #streamed({ body, fields }: WireRequest): BodySource | undefined {
    if (!body.isPresent) return undefined
    body.proceed()
    if (headerValue(fields, 'content-encoding') !== undefined) return body
    const { operation, admission } = this.forwarding
    const { credential } = admission
    this.#watch = new BodyWatch(body, { service: operation.service, credential })
    return this.#watch
  }

  /** The upstream's head as the client gets it. */
  #answered(head: AnswerHead): ReplyHead {
    const { status, reason, headers, length } = head
    const { admission, startedAt, operation } = this.forwarding
    this.#status = status
    this.#firstByteMs = performance.now() - startedAt
    if (operation.usage) this.#usage = usageReaderOf(operation.usage, head)
    const answer = answerHeaders(headers, this.forwarding)
    answer.push('apistronghold-request-id', admission.requestId)
    return { status, reason: isPrintable(reason) ? reason : '', headers: answer, length }
  }

  readonly #tunnelEnded = (end: TunnelEnd): void => {
    this.#end(OUTCOME_OF_TUNNEL[end])
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
    this.forwarding.reply.cut()
  }

  /** The client is there and its body is not; the upstream got half of it and no end. */
  #bodyFailed(failure: BodyFailure): void {
    if (failure === 'gone') {
      this.#clientGone()
      return
    }
    const { request, reply, admission } = this.forwarding
    this.#call?.abort()
    this.#end({ result: 'abandoned', cause: `request_body_${failure}` })
    if (reply.hasStarted) reply.cut()
    else this.forwarding.answer(problemOfRefusal(refuseBody(failure, request.body), admission))
  }

  #end({ result, cause }: Pick<Outcome, 'result' | 'cause'>): void {
    this.#isOver = true
    const { request, admission, held } = this.forwarding
    held?.release()
    const status = this.#status
    admission.close({
      result,
      ...(cause !== undefined && { cause }),
      ...(status !== undefined && { status }),
      requestBytes: this.#tunnel?.bytesUp ?? request.body.bytesRead,
      responseBytes: this.#tunnel?.bytesDown ?? this.#responseBytes,
      durationsMs: this.#durations(),
      ...this.#seen(result === 'answered'),
    })
    this.#owner.ended(this)
  }

  /** What the bodies told while they passed. */
  #seen(isWhole: boolean): Pick<Outcome, 'marks' | 'usage'> {
    const marks = this.#watch?.marks()
    const usage = this.#usage?.finish(isWhole)
    return { ...(marks && { marks }), ...(usage && { usage }) }
  }

  #durations(): Outcome['durationsMs'] {
    const firstByte = this.#firstByteMs
    return {
      admitted: this.#admittedMs,
      ...(firstByte !== undefined && { firstByte }),
      total: performance.now() - this.forwarding.startedAt,
    }
  }
}

/** For answers that worked; a coded one, which nobody asked for, is not read. */
function usageReaderOf(
  places: UsagePlaces,
  { status, headers }: AnswerHead,
): UsageReader | undefined {
  if (status < 200 || status > 299 || answerValue(headers, 'content-encoding') !== undefined)
    return undefined
  return createUsageReader(places, answerValue(headers, 'content-type'))
}

function refuseBody(failure: Exclude<BodyFailure, 'gone'>, { maxBytes }: WireBody): Refusal {
  if (failure === 'too_large') return { reason: 'body_too_large', limitBytes: maxBytes }
  return unreadableBody(failure)
}

/** A reason phrase is decoration; one with odd bytes is left out. */
function isPrintable(reason: string): boolean {
  return /^[\x20-\x7e]*$/.test(reason)
}
