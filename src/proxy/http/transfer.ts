/**
 * One admitted request on its way: both bodies pass as they come, at the pace of the slower side.
 * It ends once, by whatever happens first, and then says so to the admission.
 */

import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import type { Parameters } from '../../audit/audit-log.ts'
import type { OtherBody } from '../../audit/parameters.ts'
import { Failure } from '../../base/errors.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { Outcome } from '../admission.ts'
import type { Signed } from '../../injection/sigv4/sign.ts'
import type { BodySource } from '../http1/body.ts'
import type { AnswerHead, AnswerListener, Call, UpstreamRequest } from '../upstream/upstream.ts'
import type { BodyFailure, WireBody, WireRequest } from '../wire/message.ts'
import type { AnswerProblem } from './answer-body.ts'
import { BodyWatch } from './body-watch.ts'
import { describableBody } from './describable-body.ts'
import { isCoded, unreadableBody } from './facts.ts'
import { headerValue } from './headers.ts'
import type { Forwarding } from './forwarding.ts'
import type { OutgoingHead } from './outgoing.ts'
import { createSignedChunks, type SignedChunks } from './signed-chunks.ts'
import { joinMarks, NO_MARKS, type Marks } from './marks.ts'
import { OutgoingAnswer } from './outgoing-answer.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'
import { Tunnel } from './tunnel.ts'
import type { TunnelEnd } from './tunnel.ts'
import { upgradeOf } from './upgrade.ts'

/** Why a transfer was cut from our side. */
export type CutCause = 'terminated_by_revoke' | 'audit_unavailable' | 'shutdown'

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

/** The upstream's answer held the credential that it was given. */
const ECHO = ['credential_echo']

export class Transfer implements AnswerListener {
  readonly forwarding: Forwarding
  readonly #owner: TransferOwner
  readonly #admittedMs: number
  #call: Call | undefined
  #tunnel: Tunnel | undefined
  #isOver = false
  #status: number | undefined
  #firstByteMs: number | undefined
  readonly #answer: OutgoingAnswer
  #watch: BodyWatch | undefined
  #chunks: SignedChunks | undefined

  constructor(forwarding: Forwarding, owner: TransferOwner) {
    this.forwarding = forwarding
    this.#owner = owner
    this.#admittedMs = performance.now() - forwarding.startedAt
    this.#answer = new OutgoingAnswer(forwarding, {
      resume: this.#resume,
      onEnd: () => {
        this.#end({ result: 'answered' })
      },
      onProblem: (problem) => {
        this.#answerFailed(problem)
      },
    })
  }

  /** Sends the request, unless its client has gone or its token was revoked by now. */
  begin({ head, signed }: OutgoingHead): void {
    const { request, reply, operation, admission, held } = this.forwarding
    reply.whenGone(this.#clientGone)
    admission.whenCut(this.#revoked)
    if (this.hasEnded()) return
    const { method, path, headers } = head
    const body = held ? held.bytes : this.#signed(this.#streamed(request), signed)
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
    this.#headed(head)
    this.#answer.start(head)
  }

  onChunk(chunk: Buffer): boolean {
    return this.#answer.take(chunk)
  }

  onSwitch(head: AnswerHead, connection: Duplex): void {
    const { request, reply } = this.forwarding
    this.#headed(head)
    const client = reply.switchTo(request.upgrade ?? '', this.#answer.head(head))
    if (client) {
      this.#tunnel = new Tunnel(
        { client, upstream: connection, needles: this.#answer.needles },
        this.#tunnelEnded,
      )
      return
    }
    connection.destroy()
    this.#end({ result: 'abandoned', cause: 'client_spoke_early' })
  }

  onEnd(): void {
    if (!this.#isOver) this.#answer.end()
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

  #streamed({ body }: WireRequest): BodySource | undefined {
    if (!body.isPresent) return undefined
    body.proceed()
    const { operation, admission, stored } = this.forwarding
    const injected = { service: operation.service, credential: admission.credential }
    this.#watch = new BodyWatch(body, { stored, injected })
    return this.#watch
  }

  /** Signed chunks leave with our signatures, and only while the client's own are right. */
  #signed(body: BodySource | undefined, to: Signed | undefined): BodySource | undefined {
    const { signed: from, share } = this.forwarding
    if (!body || !from || !to) return body
    this.#chunks = createSignedChunks(body, { from, to }, { share, onRefusal: this.#bodyRefused })
    return this.#chunks ?? body
  }

  readonly #bodyRefused = (refusal: Refusal): void => {
    if (this.#isOver) return
    const { reply, admission } = this.forwarding
    this.#call?.abort()
    this.#end({ result: 'abandoned', cause: `request_body_${refusal.reason}` })
    if (reply.hasStarted) reply.cut()
    else this.forwarding.answer(problemOfRefusal(refusal, admission))
  }

  #headed({ status }: AnswerHead): void {
    this.#status = status
    this.#firstByteMs = performance.now() - this.forwarding.startedAt
  }

  /** What came is not to be sent on; a client that got nothing yet is told why. */
  #answerFailed(problem: AnswerProblem): void {
    if (this.#isOver) return
    const { reply, admission } = this.forwarding
    this.#call?.abort()
    this.#end({ result: 'cut', cause: problem })
    if (reply.hasStarted) reply.cut()
    else
      this.forwarding.answer(
        problemOfFailure(
          new Failure('upstream_undecodable', 'the answer cannot be looked through'),
          admission.requestId,
        ),
      )
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
    this.#chunks?.release()
    this.#answer.close()
    const status = this.#status
    admission.close({
      result,
      ...(cause !== undefined && { cause }),
      ...(status !== undefined && { status }),
      requestBytes: this.#tunnel?.bytesUp ?? request.body.bytesRead,
      responseBytes: this.#tunnel?.bytesDown ?? this.#answer.bytes,
      durationsMs: this.#durations(),
      ...this.#seen(result === 'answered'),
    })
    this.#owner.ended(this)
  }

  /** What the bodies told while they passed. */
  #seen(isWhole: boolean): Pick<Outcome, 'marks' | 'usage' | 'parameters'> {
    const usage = this.#answer.usage(isWhole)
    const parameters = this.#watch && this.#described(this.#watch.seen())
    return { marks: this.#marks(), ...(usage && { usage }), ...(parameters && { parameters }) }
  }

  #marks(): Marks {
    const isEchoed = this.#answer.isEchoed || this.#tunnel?.isEchoed === true
    const marks = this.#watch?.marks() ?? NO_MARKS
    return isEchoed ? joinMarks(marks, ECHO) : marks
  }

  /** Asked for after the answer's end: nobody waits for it. */
  #described(seen: OtherBody): Parameters {
    const { describeParameters, operation, request } = this.forwarding
    const contentType = headerValue(request.fields, 'content-type')
    const coding = headerValue(request.fields, 'content-encoding')
    return describeParameters({
      ...{ query: undefined, rules: operation.service.redact },
      ...describableBody(seen, { contentType, isCoded: isCoded(coding) }),
    })
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

function refuseBody(failure: Exclude<BodyFailure, 'gone'>, { maxBytes }: WireBody): Refusal {
  if (failure === 'too_large') return { reason: 'body_too_large', limitBytes: maxBytes }
  return unreadableBody(failure)
}
