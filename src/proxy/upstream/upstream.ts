/** The seam to upstreams: one request out, one answer back, whatever connections lie behind. */

import type { Duplex } from 'node:stream'
import type { Failure } from '../../base/errors.ts'
import type { BodySource } from '../http1/body.ts'

/** Where a request goes, and as whom. Quickest when the same destination is the same object. */
export interface Destination {
  readonly service: string
  /** Name of the credential; the empty string for none. */
  readonly credential: string
  /** `https://api.stripe.com` */
  readonly origin: string
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
}

export interface UpstreamRequest {
  readonly method: string
  /** Path and query, written to the wire byte for byte. */
  readonly path: string
  /** Names and values alternate; Host among them, no framing: that follows from the body. */
  readonly headers: readonly string[]
  /** Bytes that are held, and may be sent again; or a stream, which may not. */
  readonly body: Buffer | BodySource | undefined
  /** Asks for this protocol; a 101 then goes to `onSwitch`. Without it a 101 is a mistake. */
  readonly upgrade?: string | undefined
}

export interface AnswerHead {
  readonly status: number
  /** As received; may hold any byte above 0x1f but 0x7f. */
  readonly reason: string
  /** Names as spelled and values alternate; without Content-Length and Transfer-Encoding. */
  readonly headers: readonly string[]
  /** Content-Length; undefined when the answer's end shows otherwise. Of a HEAD or 304: as declared. */
  readonly length: number | undefined
}

/** Who hears what the upstream says. After `onEnd`, `onSwitch` or `onFailure` nothing more is called. */
export interface AnswerListener {
  /** The head of the final answer. */
  onHead(head: AnswerHead): void
  /** False pauses until `resume`; what was read before may still come, the end too. */
  onChunk(chunk: Buffer): boolean
  onEnd(): void
  /** The upstream agreed to another protocol: its connection is the listener's now, and paused. */
  onSwitch(head: AnswerHead, connection: Duplex): void
  onFailure(failure: Failure): void
}

/** A request under way. */
export interface Call {
  resume(): void
  /** Idempotent; the connection is destroyed, and the listener hears nothing more. */
  abort(): void
}

export interface Upstreams {
  send(destination: Destination, request: UpstreamRequest, listener: AnswerListener): Call
  /** Ends every connection. */
  close(): Promise<void>
}
