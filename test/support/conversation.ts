/**
 * What the parsers alone make of a client's bytes: the requests that are whole, and how it ends.
 *
 * A connection without sockets, answers and time, so that a test can cut the bytes as it likes.
 */

import { ChunkDecoder } from '../../src/proxy/http1/chunked.ts'
import { HeadScanner } from '../../src/proxy/http1/head-end.ts'
import { readRequestHead } from '../../src/proxy/http1/request-head.ts'
import type { HeadLimits, RequestHead } from '../../src/proxy/http1/request-head.ts'

export const LIMITS: HeadLimits = {
  maxHeaderBytes: 32 * 1024,
  maxFields: 100,
  maxTargetBytes: 8 * 1024,
}

export interface ReadRequest {
  readonly head: RequestHead
  readonly body: string
}

export interface Conversation {
  /** Those that have come to their end. */
  readonly requests: readonly ReadRequest[]
  /** `closed`: a request said that nothing follows it. Anything else is a refusal, in words. */
  readonly end: 'between' | 'in a head' | 'in a body' | 'closed' | (string & {})
}

/** Gives the segments to the parsers, one after the other. */
export function converse(segments: Iterable<Buffer>, limits = LIMITS): Conversation {
  const reader = new Reader(limits)
  for (const segment of segments) reader.take(segment)
  return { requests: reader.requests, end: reader.end }
}

class Reader {
  readonly requests: ReadRequest[] = []
  readonly #limits: HeadLimits
  readonly #scanner: HeadScanner
  #refusal: string | undefined
  #isClosed = false
  #held: Buffer = Buffer.alloc(0)
  #head: RequestHead | undefined
  #decoder: ChunkDecoder | undefined
  #body = ''

  constructor(limits: HeadLimits) {
    this.#limits = limits
    this.#scanner = new HeadScanner(limits.maxHeaderBytes)
  }

  get end(): Conversation['end'] {
    if (this.#refusal !== undefined) return this.#refusal
    if (this.#isClosed) return 'closed'
    if (this.#head) return 'in a body'
    return this.#held.length === 0 ? 'between' : 'in a head'
  }

  take(segment: Buffer): void {
    this.#held = Buffer.concat([this.#held, segment])
    while (this.#held.length > 0 && this.#refusal === undefined && !this.#isClosed) {
      if (!(this.#head ? this.#readBody(this.#head) : this.#readHead())) return
    }
  }

  /** False when more bytes are needed, or none. */
  #readHead(): boolean {
    const end = this.#scanner.scan(this.#held)
    if (end === -1) return false
    if (typeof end !== 'number') return this.#refuse(`${end.status} ${end.problem}`)
    const head = readRequestHead(this.#held, end, this.#limits)
    if (!head.ok) return this.#refuse(`${head.error.status} ${head.error.problem}`)
    this.#scanner.reset()
    this.#held = this.#held.subarray(end)
    this.#head = head.value
    this.#decoder = head.value.length === undefined ? new ChunkDecoder() : undefined
    if (head.value.length === 0) this.#finish(head.value)
    return true
  }

  #readBody(head: RequestHead): boolean {
    const { length = Infinity } = head
    if (this.#decoder) return this.#decode(this.#decoder, head)
    const part = this.#held.subarray(0, length - this.#body.length)
    this.#body += part.toString('latin1')
    this.#held = this.#held.subarray(part.length)
    if (this.#body.length === length) this.#finish(head)
    return true
  }

  #decode(decoder: ChunkDecoder, head: RequestHead): boolean {
    const taken = decoder.push(this.#held, 0, (data) => {
      this.#body += data.toString('latin1')
    })
    if (decoder.problem !== undefined) return this.#refuse(`400 ${decoder.problem}`)
    this.#held = this.#held.subarray(taken)
    if (decoder.isDone) this.#finish(head)
    return true
  }

  #finish(head: RequestHead): void {
    this.requests.push({ head, body: this.#body })
    this.#head = undefined
    this.#body = ''
    // What follows an upgrade is in another protocol, or nothing at all.
    this.#isClosed = !head.keepsAlive || head.upgrade !== undefined
  }

  #refuse(problem: string): false {
    this.#refusal = problem
    return false
  }
}

/** One byte each. */
export function inBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]))
}

/** Cut behind each CRLF. */
export function inLines(bytes: Buffer): Buffer[] {
  const lines = bytes.toString('latin1').split(/(?<=\r\n)/)
  return lines.map((line) => Buffer.from(line, 'latin1'))
}
