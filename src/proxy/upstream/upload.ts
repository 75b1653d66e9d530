/**
 * A request body on its way into a socket, at the socket's pace: never more bytes than declared,
 * and with fewer of them the socket must be destroyed, lest the next request completes this one.
 */

import type { Socket } from 'node:net'
import type { BodySink, BodySource } from '../http1/body.ts'

export interface UploadListener {
  /** The upstream takes bytes. */
  uploadMoved(): void
  uploadEnded(): void
  /** The body is not what was declared, or broke off. May come before `begin` returns. */
  uploadFailed(): void
}

const CRLF = '\r\n'

export class Upload implements BodySink {
  readonly #socket: Socket
  readonly #source: BodySource
  readonly #listener: UploadListener
  #left: number | undefined
  #isOver = false

  constructor(socket: Socket, source: BodySource, listener: UploadListener) {
    this.#socket = socket
    this.#source = source
    this.#listener = listener
    this.#left = source.length
  }

  /** Sends the head, and with it whatever the source has ready. */
  begin(head: string): void {
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#source.stream(this)
    this.#socket.uncork()
  }

  /** The socket took what it had. */
  drained(): void {
    this.#listener.uploadMoved()
    if (!this.#isOver) this.#source.resume()
  }

  /** The source is not read any more. */
  stop(): void {
    this.#isOver = true
  }

  onChunk(chunk: Buffer): boolean {
    if (this.#isOver) return false
    if (chunk.length === 0) return true // as a chunk it would end the body
    if (this.#left !== undefined) return this.#writePlain(chunk, this.#left - chunk.length)
    this.#socket.cork()
    this.#socket.write(chunk.length.toString(16) + CRLF, 'latin1')
    this.#socket.write(chunk)
    const wantsMore = this.#socket.write(CRLF, 'latin1')
    this.#socket.uncork()
    return this.#wrote(wantsMore)
  }

  onEnd(): void {
    if (this.#isOver) return
    if (this.#left !== undefined && this.#left > 0) {
      this.onFailure()
      return
    }
    this.#isOver = true
    if (this.#left === undefined) this.#socket.write(`0${CRLF}${CRLF}`, 'latin1')
    this.#listener.uploadEnded()
  }

  onFailure(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.uploadFailed()
  }

  #writePlain(chunk: Buffer, left: number): boolean {
    if (left < 0) {
      this.onFailure()
      return false
    }
    this.#left = left
    return this.#wrote(this.#socket.write(chunk))
  }

  #wrote(wantsMore: boolean): boolean {
    if (wantsMore) this.#listener.uploadMoved()
    return wantsMore
  }
}

/** Bytes that are held, given piece by piece, so that a stalled upstream can be told from a slow one. */
export function sourceOf(bytes: Buffer, pieceBytes: number): BodySource {
  let at = 0
  let sink: BodySink | undefined
  const flow = (): void => {
    let wantsMore = true
    while (wantsMore && at < bytes.length) {
      const piece = bytes.subarray(at, at + pieceBytes)
      at += piece.length
      wantsMore = sink?.onChunk(piece) ?? false
    }
    if (at === bytes.length) sink?.onEnd()
  }
  return {
    length: bytes.length,
    stream(to) {
      sink = to
      flow()
    },
    resume: flow,
  }
}
