/**
 * The body of an answer on its way to the client: decoded where it is coded, read for what it cost,
 * without the credential that the upstream was given.
 */

import type { UsageReader } from '../../audit/usage-reader.ts'
import type { Needles } from '../../scrub/needles.ts'
import type { WireReply } from '../wire/message.ts'
import { Decoding } from './decoding.ts'
import type { MaskedAnswer } from './masked-answer.ts'
import { ScrubbedStream } from './scrubbed-stream.ts'

export interface AnswerBodyParts {
  readonly reply: Pick<WireReply, 'write' | 'whenWritable' | 'end'>
  /** Undefined: nothing was given that could come back. */
  readonly needles: Needles | undefined
  /** The Content-Encoding that has to be undone. */
  readonly coding: string | undefined
  /** Only where the service says that its answers tell what they cost. */
  readonly usage: UsageReader | undefined
  /** Only where fields of the answer must not be seen: its head is sent when the whole was read. */
  readonly masked: { readonly answer: MaskedAnswer; readonly begin: () => void } | undefined
  /** The upstream may send more again. */
  readonly resume: () => void
  /** All of it was handed to the reply. */
  readonly onEnd: () => void
  readonly onProblem: (problem: AnswerProblem) => void
}

/** Why an answer cannot go on: see ScrubbedStream, Decoding and MaskedAnswer. */
export type AnswerProblem = 'credential_echo' | 'upstream_undecodable' | 'upstream_unmaskable'

export class AnswerBody {
  /** As they came. */
  bytes = 0
  readonly #parts: AnswerBodyParts
  readonly #scrubbed: ScrubbedStream | undefined
  readonly #decoding: Decoding | undefined
  #isOver = false

  constructor(parts: AnswerBodyParts) {
    this.#parts = parts
    const { needles, coding, resume } = parts
    if (needles)
      this.#scrubbed = new ScrubbedStream({
        needles,
        write: (bytes) => this.#write(bytes),
        onLeak: () => {
          this.#fail('credential_echo')
        },
      })
    if (coding !== undefined)
      this.#decoding = new Decoding(coding, {
        write: (bytes) => this.#pass(bytes),
        onDrain: resume,
        onEnd: () => {
          this.#finish()
        },
        onProblem: () => {
          this.#fail('upstream_undecodable')
        },
      })
  }

  /** How often the credential was in it. */
  get hits(): number {
    return this.#scrubbed?.hits ?? 0
  }

  /** False when the upstream should wait until `resume`. */
  take(chunk: Buffer): boolean {
    this.bytes += chunk.length
    return this.#decoding ? this.#decoding.take(chunk) : this.#pass(chunk)
  }

  end(): void {
    if (this.#decoding) this.#decoding.end()
    else this.#finish()
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#isOver = true
    this.#scrubbed?.close()
    this.#decoding?.close()
    this.#parts.masked?.answer.release()
  }

  #pass(chunk: Buffer): boolean {
    const { masked } = this.#parts
    if (!masked) return this.#send(chunk)
    if (!this.#isOver && !masked.answer.take(chunk)) this.#fail('upstream_unmaskable')
    return true
  }

  #send(chunk: Buffer): boolean {
    this.#parts.usage?.take(chunk)
    return this.#scrubbed ? this.#scrubbed.take(chunk) : this.#write(chunk)
  }

  #write(bytes: Buffer): boolean {
    const { reply, resume } = this.#parts
    if (this.#isOver) return true
    if (reply.write(bytes)) return true
    reply.whenWritable(() => {
      this.#decoding?.resume()
      resume()
    })
    return false
  }

  #finish(): void {
    if (!this.#isOver) this.#sendMasked()
    this.#scrubbed?.end()
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.reply.end()
    this.#parts.onEnd()
  }

  /** What was held until now. */
  #sendMasked(): void {
    const { masked } = this.#parts
    if (!masked) return
    const whole = masked.answer.whole()
    if (whole) {
      masked.begin()
      this.#send(whole)
    } else this.#fail('upstream_unmaskable')
  }

  #fail(problem: AnswerProblem): void {
    if (this.#isOver) return
    this.close()
    this.#parts.onProblem(problem)
  }
}
