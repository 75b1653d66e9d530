/**
 * An upstream's answer as its client gets it: unchanged, but for what is about the connection or the
 * coding, for URLs that would lead past the proxy, and for the credential that the upstream was given.
 */

import { createUsageReader, type UsageReader } from '../../audit/usage-reader.ts'
import type { UsagePlaces } from '../../audit/usage.ts'
import type { Service } from '../../catalog/service.ts'
import { isEmpty, needlesFor, type Needles } from '../../scrub/needles.ts'
import type { Outcome } from '../admission.ts'
import type { AnswerHead } from '../upstream/upstream.ts'
import type { ReplyHead } from '../wire/message.ts'
import { AnswerBody, type AnswerBodyParts, type AnswerProblem } from './answer-body.ts'
import { answerHeaders, answerValue, codingOf, scrubHeaders, withoutCoding } from './answer-head.ts'
import { isDecodable } from './decoding.ts'
import { secretsOf } from './marks.ts'
import type { Forwarding } from './forwarding.ts'
import { MaskedAnswer } from './masked-answer.ts'

export interface AnswerOwner {
  /** The upstream may send more again. */
  readonly resume: () => void
  /** All of it was handed to the reply. */
  readonly onEnd: () => void
  readonly onProblem: (problem: AnswerProblem) => void
}

export class OutgoingAnswer {
  readonly #forwarding: Forwarding
  readonly #owner: AnswerOwner
  /** Of the credential; undefined where none was given, or one that is too short to be found again. */
  readonly needles: Needles | undefined
  #usage: UsageReader | undefined
  #body: AnswerBody | undefined
  #isHeadEchoed = false

  constructor(forwarding: Forwarding, owner: AnswerOwner) {
    this.#forwarding = forwarding
    this.#owner = owner
    this.needles = needlesOf(forwarding)
  }

  /** Bytes of the body, as they came. */
  get bytes(): number {
    return this.#body?.bytes ?? 0
  }

  /** The upstream sent back what it was given. */
  get isEchoed(): boolean {
    return this.#isHeadEchoed || (this.#body?.hits ?? 0) > 0
  }

  /** What the answer told of its cost, if its service says where that stands. */
  usage(isWhole: boolean): Outcome['usage'] {
    return this.#usage?.finish(isWhole)
  }

  start(head: AnswerHead): void {
    const isRead = this.needles !== undefined || this.#isMasked(head)
    const coding = isRead ? codingOf(head.headers) : undefined
    if (coding === undefined) this.#startAs(head, this.head(head), undefined)
    else if (this.#isBodyless(head)) this.#startAs(head, decodedHead(this.head(head)), undefined)
    else if (isDecodable(coding)) this.#startAs(head, decodedHead(this.head(head)), coding)
    else this.#owner.onProblem('upstream_undecodable')
  }

  /** The head as the client gets it. */
  head({ status, reason, headers, length }: AnswerHead): ReplyHead {
    const answer = this.#scrubbed(answerHeaders(headers, this.#forwarding))
    answer.push('apistronghold-request-id', this.#forwarding.admission.requestId)
    const [words = ''] = isPrintable(reason) ? this.#scrubbed([reason]) : []
    return { status, reason: words, headers: answer, length }
  }

  /** False when the upstream should wait until `resume`. */
  take(chunk: Buffer): boolean {
    return this.#body?.take(chunk) ?? true
  }

  end(): void {
    this.#body?.end()
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#body?.close()
  }

  /** What it would be like is told, and nothing comes (RFC 9110 6.4.1). */
  #isBodyless({ status }: AnswerHead): boolean {
    return this.#forwarding.request.method === 'HEAD' || status === 204 || status === 304
  }

  /** Answers that worked, as far as something comes. */
  #isMasked(head: AnswerHead): boolean {
    const { maskedFields } = this.#forwarding
    return maskedFields.length > 0 && isSuccess(head) && !this.#isBodyless(head)
  }

  #startAs(head: AnswerHead, shown: ReplyHead, coding: string | undefined): void {
    const { reply, operation } = this.#forwarding
    const isReadable = coding !== undefined || codingOf(head.headers) === undefined
    if (operation.usage && isReadable) this.#usage = usageReaderOf(operation.usage, head)
    const { needles } = this
    const masked = this.#isMasked(head) ? this.#masked(shown) : undefined
    const parts = { reply, coding, needles, usage: this.#usage, masked }
    this.#body = new AnswerBody({ ...parts, ...this.#owner })
    if (!masked) reply.start(shown)
  }

  #masked(shown: ReplyHead): AnswerBodyParts['masked'] {
    const { reply, maskedFields, share } = this.#forwarding
    const begin = (): void => {
      reply.start({ ...shown, headers: withoutCoding(shown.headers) })
    }
    return { answer: new MaskedAnswer(maskedFields, share), begin }
  }

  #scrubbed(texts: string[]): string[] {
    const scrubbed = this.needles && scrubHeaders(texts, this.needles)
    this.#isHeadEchoed ||= scrubbed?.isEchoed === true
    return scrubbed?.headers ?? texts
  }
}

function needlesOf({ operation, admission }: Forwarding): Needles | undefined {
  const { credential } = admission
  if (!credential) return undefined
  const { service } = operation
  const needles = needlesFor(secretsOf({ service, credential }), carriesCoded(service))
  return isEmpty(needles) ? undefined : needles
}

/** As Basic does. */
function carriesCoded({ inject }: Service): boolean {
  return inject.some((rule) => 'format' in rule && rule.format.includes('{base64:'))
}

/** The length of what comes out is not known. */
function decodedHead(head: ReplyHead): ReplyHead {
  return { ...head, headers: withoutCoding(head.headers), length: undefined }
}

/** For answers that worked. */
function usageReaderOf(places: UsagePlaces, head: AnswerHead): UsageReader | undefined {
  if (!isSuccess(head)) return undefined
  return createUsageReader(places, answerValue(head.headers, 'content-type'))
}

function isSuccess({ status }: AnswerHead): boolean {
  return status >= 200 && status <= 299
}

/** A reason phrase is decoration; one with odd bytes is left out. */
function isPrintable(reason: string): boolean {
  return /^[\x20-\x7e]*$/.test(reason)
}
