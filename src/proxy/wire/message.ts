/**
 * One request and its reply as the doors see them: the seam behind which the HTTP engine lives.
 *
 * Everything is as it came over the wire: header names keep their spelling beside a lower-case
 * copy, the target is one character per byte, nothing is decoded, joined or normalised.
 */

/** Name in lower case, value as received (latin-1). */
export type HeaderField = readonly [name: string, value: string]

/** Where a request came in. */
export interface Listener {
  readonly address: string
  /** The only service of a port of its own. */
  readonly service: string | undefined
  readonly isSecure: boolean
}

export interface WireRequest {
  readonly listener: Listener
  /** The peer's address; an IPv4 address never in its IPv6 form. */
  readonly source: string
  readonly receivedAt: number
  readonly method: string
  /** The request target, one character per byte. */
  readonly target: string
  readonly version: '1.0' | '1.1'
  /** The Host field in lower case, checked; undefined only in HTTP/1.0. */
  readonly host: string | undefined
  readonly fields: readonly HeaderField[]
  /** `fields`' names as the client spelled them, by the same index. */
  readonly spelling: readonly string[]
  readonly body: WireBody
}

/** Why a body could not be had. */
export type BodyProblem = 'too_large' | 'no_room' | 'gone'

export interface WireBody {
  /** False for no Content-Length, `Content-Length: 0`, and no chunked coding. */
  readonly isPresent: boolean
  /** As declared; undefined when chunked. */
  readonly length: number | undefined
  readonly bytesRead: number
  /** A reader was told that the rest will not come. */
  readonly hasFailed: boolean
  /** Sends `100 Continue` where the client waits for one; without it, nothing may arrive. */
  proceed(): void
  /** Pulled chunk by chunk; throws when the client goes or stalls. Reading is for one reader. */
  chunks(): AsyncIterable<Buffer>
  /** The whole body, within limits of size and time; `mayKeep` is asked for each chunk's bytes. */
  collect(maxBytes: number, mayKeep: (bytes: number) => boolean): Promise<Buffer | BodyProblem>
}

/** A complete answer. Header names and values alternate. */
export interface WireAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
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
  start(status: number, reason: string, headers: string[]): void
  /** False when the client is slow: wait for `whenWritable`. */
  write(chunk: Buffer): boolean
  whenWritable(listener: () => void): void
  end(): void
  /** Breaks the connection, so that nobody takes a cut answer for a whole one. */
  cut(): void
}

/** What the wire itself turns away, before there is a request. */
export interface Malformed {
  readonly status: number
  /** In words, without anything the client sent. */
  readonly problem: string
  readonly source: string
  readonly listener: Listener
}
