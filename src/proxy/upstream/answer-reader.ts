/**
 * Answers out of the bytes of one connection, without the socket: strict, and the same whatever
 * the segments.
 *
 *     state         bytes                          then
 *     idle          any                            not asked for: the connection is poisoned
 *     head          a head of 1xx                  dropped, up to a bound; 101 only where asked
 *     head          a final head                   by its framing: empty, length, chunked, until_close
 *     empty         none                           idle
 *     length        the last of the body           idle
 *     chunked       the last chunk                 idle
 *     until_close   the connection's end           idle
 *     any other     the connection's end           truncated
 *
 * Bytes behind an answer do not spoil it, for they may come a moment later as well; they spoil the
 * connection (HF-13).
 */

import { ChunkDecoder } from '../http1/chunked.ts'
import { HeadScanner } from '../http1/head-end.ts'
import { readResponseHead } from '../http1/response-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { GrowingBuffer } from './growing-buffer.ts'

export interface AnswerSink {
  answerHead(head: ResponseHead): void
  answerChunk(data: Buffer): void
  /** With bytes behind the answer, the connection must not be used again. */
  answerEnd(hasMore: boolean): void
  /** 101 to a request that asked for it; `rest` came behind the head. */
  answerSwitch(head: ResponseHead, rest: Buffer): void
  /** Not HTTP as we know it; nothing is called after it. */
  answerProblem(): void
}

export interface AnswerLimits {
  readonly maxHeaderBytes: number
  readonly maxFields: number
}

/** Many more than any server needs; a flood costs what a large head does (HF-13). */
const MAX_INTERIM = 16

type State = 'idle' | 'head' | 'empty' | 'length' | 'chunked' | 'until_close'

export class AnswerReader {
  readonly #limits: AnswerLimits
  readonly #sink: AnswerSink
  readonly #scanner: HeadScanner
  readonly #partialHead = new GrowingBuffer()
  readonly #give = (data: Buffer): void => {
    if (this.#state === 'chunked') this.#sink.answerChunk(data)
  }
  #state: State = 'idle'
  #method = ''
  #upgrade: string | undefined
  #left = 0
  #decoder: ChunkDecoder | undefined
  #interims = 0
  #interimBytes = 0
  #hasBegun = false

  constructor(limits: AnswerLimits, sink: AnswerSink) {
    this.#limits = limits
    this.#sink = sink
    this.#scanner = new HeadScanner(limits.maxHeaderBytes)
  }

  /** Whether a byte came since the request. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Expects the answer to a request. */
  begin(method: string, upgrade: string | undefined): void {
    this.#state = 'head'
    this.#method = method
    this.#upgrade = upgrade
    this.#interims = 0
    this.#interimBytes = 0
    this.#hasBegun = false
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#state = 'idle'
    this.#decoder = undefined
  }

  push(bytes: Buffer): void {
    this.#hasBegun = true
    let rest = bytes
    while (this.#state === 'head' && rest.length > 0) rest = this.#pushHead(rest)
    if (rest.length === 0) return
    switch (this.#state) {
      case 'length':
        this.#pushLength(rest)
        return
      case 'chunked':
        this.#pushChunked(rest)
        return
      case 'until_close':
        this.#sink.answerChunk(rest)
        return
      case 'idle':
      case 'head':
      case 'empty':
        // over, or told as far as it goes
        return
    }
  }

  /** The connection ended. False when an answer was under way and is not whole. */
  end(): boolean {
    if (this.#state !== 'until_close') return this.#state === 'idle'
    this.#finish(false)
    return true
  }

  /** Returns what stands behind the head. */
  #pushHead(segment: Buffer): Buffer {
    const known = this.#partialHead.size
    // Most heads come in one piece, and need no copy.
    const bytes = known === 0 ? segment : this.#partialHead.append(segment)
    const end = this.#scanner.scan(bytes)
    if (typeof end !== 'number') return this.#fail()
    if (end === -1) {
      if (!beginsWell(bytes)) return this.#fail() // another protocol's greeting has no end
      if (known === 0) this.#partialHead.append(segment)
      return NOTHING
    }
    const head = readResponseHead(bytes, end, {
      method: this.#method,
      maxFields: this.#limits.maxFields,
    })
    this.#scanner.reset()
    this.#partialHead.clear()
    if (!head.ok) return this.#fail()
    return this.#take(head.value, segment.subarray(end - known), end)
  }

  #take(head: ResponseHead, rest: Buffer, headBytes: number): Buffer {
    if (head.status === 101) return this.#switch(head, rest)
    if (head.status < 200) {
      this.#interims += 1
      this.#interimBytes += headBytes
      const isFlood =
        this.#interims > MAX_INTERIM || this.#interimBytes > this.#limits.maxHeaderBytes
      return isFlood ? this.#fail() : rest
    }
    this.#left = head.length ?? 0
    this.#state = stateOf(head)
    if (this.#state === 'chunked') this.#decoder = new ChunkDecoder()
    this.#sink.answerHead(head)
    if (this.#state !== 'empty') return rest
    this.#finish(rest.length > 0)
    return NOTHING
  }

  #switch(head: ResponseHead, rest: Buffer): Buffer {
    if (this.#upgrade === undefined || !agreesTo(head.headers, this.#upgrade)) return this.#fail()
    this.stop()
    this.#sink.answerSwitch(head, rest)
    return NOTHING
  }

  #pushLength(bytes: Buffer): void {
    const isLast = bytes.length >= this.#left
    const data = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    this.#left -= data.length
    this.#sink.answerChunk(data)
    if (isLast && !this.#hasStopped()) this.#finish(bytes.length > data.length)
  }

  #pushChunked(bytes: Buffer): void {
    const decoder = this.#decoder
    if (!decoder) return
    const end = decoder.push(bytes, 0, this.#give)
    if (this.#hasStopped()) return
    if (decoder.problem !== undefined) this.#fail()
    else if (decoder.isDone) this.#finish(end < bytes.length)
  }

  /** A sink may have stopped us meanwhile. */
  #hasStopped(): boolean {
    return this.#state === 'idle'
  }

  #finish(hasMore: boolean): void {
    this.stop()
    this.#sink.answerEnd(hasMore)
  }

  #fail(): Buffer {
    this.stop()
    this.#sink.answerProblem()
    return NOTHING
  }
}

const NOTHING = Buffer.alloc(0)

function stateOf({ framing, length }: ResponseHead): State {
  return framing === 'none' || (framing === 'length' && length === 0) ? 'empty' : framing
}

/** RFC 9110 7.8: the answer names the protocol, and Connection names the field. */
function agreesTo(headers: readonly string[], protocol: string): boolean {
  return (
    valueOf(headers, 'upgrade') === protocol.toLowerCase() &&
    valueOf(headers, 'connection')
      .split(',')
      .some((option) => option.trim() === 'upgrade')
  )
}

function valueOf(headers: readonly string[], name: string): string {
  const values = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name)
  return values.join(',').toLowerCase()
}

const BEGINNING = Buffer.from('HTTP/1.')

function beginsWell(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, BEGINNING.length)
  return bytes.compare(BEGINNING, 0, length, 0, length) === 0
}
