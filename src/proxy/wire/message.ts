/**
 * One request and its reply as the doors see them: the seam behind which the HTTP engine lives.
 *
 * Everything is as it came over the wire: header names keep their spelling beside a lower-case
 * copy, the target is one character per byte, nothing is decoded, joined or normalised.
 */

import type { Duplex } from 'node:stream'
import type { HeaderField } from '../http1/fields.ts'
import type { BodySource } from '../http1/body.ts'

export type { HeaderField } from '../http1/fields.ts'

/** Where a request came in. */
export interface Listener {
  readonly address: string
  /** The only service of a port of its own. */
  readonly service: string | undefined
  readonly isSecure: boolean
}

export interface WireRequest {
  readonly listener: Listener
  /** Where it came from, behind trusted proxies; an IPv4 address never in its IPv6 form. */
  readonly source: string
  readonly receivedAt: number
  readonly method: string
  /** The request target, one character per byte; of an absolute one, what follows the authority. */
  readonly target: string
  readonly version: '1.0' | '1.1'
  /** The Host field in lower case, checked; undefined only in HTTP/1.0. */
  readonly host: string | undefined
  readonly fields: readonly HeaderField[]
  /** `fields`' names as the client spelled them, by the same index. */
  readonly spelling: readonly string[]
  /** The protocol the client offers to switch to, in lower case. */
  readonly upgrade: string | undefined
  readonly body: WireBody
}

/** What ended a body before its end. */
export type BodyFailure = 'gone' | 'stalled' | 'malformed' | 'too_large'

/** Why a body could not be had whole. */
export type BodyProblem = BodyFailure | 'no_room'

export interface WireBody extends BodySource {
  /** False for no Content-Length, `Content-Length: 0`, and no chunked coding. */
  readonly isPresent: boolean
  readonly bytesRead: number
  /** The largest that is taken from anybody. */
  readonly maxBytes: number
  /** Why the rest will not come; undefined while it may. */
  readonly failure: BodyFailure | undefined
  /** Sends `100 Continue` where the client waits for one; without it, nothing may arrive. */
  proceed(): void
  /** The whole body, within limits of size and time; `mayKeep` is asked for each chunk's bytes. */
  collect(maxBytes: number, mayKeep: (bytes: number) => boolean): Promise<Buffer | BodyProblem>
}

/** A complete answer. Header names and values alternate. */
export interface WireAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

/** The head of an answer that streams; the framing is the wire's own business. */
export interface ReplyHead {
  readonly status: number
  readonly reason: string
  /** Names and values alternate; nothing of this connection, no framing. */
  readonly headers: readonly string[]
  /** Of the body, or for HEAD and 304 what it would be; undefined when unknown. */
  readonly length: number | undefined
}

export interface WireReply {
  /** The client can receive nothing more. */
  readonly isGone: boolean
  readonly hasStarted: boolean
  /** One listener, called at once if the client has gone already; not after the end. */
  whenGone(listener: () => void): void
  /** Answers in one piece and deals with whatever the client is still sending. */
  send(answer: WireAnswer): void
  /** The head; it leaves with the first chunk, or alone when none comes at once. */
  start(head: ReplyHead): void
  /** False when the client is slow: wait for `whenWritable`. */
  write(chunk: Buffer): boolean
  whenWritable(listener: () => void): void
  end(): void
  /** Breaks the connection, so that nobody takes a cut answer for a whole one. */
  cut(): void
  /**
   * Sends a 101 and gives the connection away. Undefined when the client has gone, or has sent
   * something before it: then its connection is ended, and that goes nowhere (RFC 9931).
   */
  switchTo(protocol: string, head: ReplyHead): Duplex | undefined
}

/** What the wire itself turns away, before there is a request. */
export interface Malformed {
  readonly status: number
  /** In words, without anything the client sent. */
  readonly problem: string
  readonly source: string
  readonly listener: Listener
}
