/**
 * One answer on a connection, whole or streamed. What is written within one turn of the event loop
 * leaves as one write: a small answer costs a single system call.
 */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ReplyHead, WireAnswer, WireReply } from './message.ts'

/** What a reply asks of its connection. */
export interface ReplyOwner {
  readonly socket: Socket
  readonly isOpen: boolean
  /** As a header value, for clients that want to know how long a silent connection lives. */
  readonly keepAliveHint: string
  /** Whether another request may follow on this connection. */
  mayKeepAlive(): boolean
  /** All of the answer was written. */
  replyEnded(keepsAlive: boolean): void
  destroy(): void
  /** Stops reading requests: the socket is the caller's, unless its client has gone or spoken. */
  giveAway(): Socket | undefined
}

type Framing = 'none' | 'length' | 'chunked' | 'until_close'

/** Above it, copying bytes together costs more than another piece in the write. */
const COPY_BYTES = 16 * 1024
const FLUSH_BYTES = 64 * 1024

export class Reply implements WireReply {
  readonly #owner: ReplyOwner
  readonly #isHead: boolean
  readonly #version: '1.0' | '1.1'
  #framing: Framing | undefined
  #left = 0
  #keepsAlive = false
  #hasEnded = false
  #goneListener: (() => void) | undefined
  #pieces: (string | Buffer)[] = []
  #pending = 0

  constructor(owner: ReplyOwner, method: string, version: '1.0' | '1.1') {
    this.#owner = owner
    this.#isHead = method === 'HEAD'
    this.#version = version
  }

  get isGone(): boolean {
    return !this.#owner.isOpen
  }

  get hasStarted(): boolean {
    return this.#framing !== undefined
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  whenGone(listener: () => void): void {
    if (this.isGone) listener()
    else this.#goneListener = listener
  }

  /** To be called by the connection when its socket is over. */
  gone(): void {
    if (!this.#hasEnded) this.#goneListener?.()
  }

  send(answer: WireAnswer): void {
    if (this.isGone || this.hasStarted) return
    this.#framing = 'length'
    this.#keepsAlive = this.#owner.mayKeepAlive()
    const text = formatAnswer(answer, this.#connection())
    this.#owner.socket.write(this.#isHead ? text.slice(0, text.length - answer.body.length) : text)
    this.#finish()
  }

  start({ status, reason, headers, length }: ReplyHead): void {
    if (this.isGone || this.hasStarted) return
    this.#framing = this.#framingOf(status, length)
    this.#left = this.#framing === 'length' ? (length ?? 0) : 0
    this.#keepsAlive = this.#framing !== 'until_close' && this.#owner.mayKeepAlive()
    const framing = this.#framingField(status, length)
    this.#push(formatHead({ status, reason, headers }, framing + this.#connection()))
    process.nextTick(flush, this)
  }

  write(chunk: Buffer): boolean {
    if (this.isGone || this.#hasEnded) return true
    if (this.#pending === 0) process.nextTick(flush, this)
    this.#frame(chunk)
    if (this.#pending >= FLUSH_BYTES) this.flush()
    return !this.#owner.socket.writableNeedDrain
  }

  whenWritable(listener: () => void): void {
    this.#owner.socket.once('drain', listener)
  }

  end(): void {
    if (this.isGone || this.#hasEnded) return
    if (this.#framing === 'length' && this.#left > 0) {
      this.cut() // it would pass for a whole one only until it is counted
      return
    }
    if (this.#framing === 'chunked') this.#push('0\r\n\r\n')
    this.flush()
    this.#finish()
  }

  cut(): void {
    this.#hasEnded = true
    this.#pieces = []
    this.#owner.destroy()
  }

  switchTo(protocol: string, { status, reason, headers }: ReplyHead): Duplex | undefined {
    this.#framing = 'none'
    this.#hasEnded = true
    const socket = this.#owner.giveAway()
    if (socket === undefined) {
      this.#owner.destroy()
      return undefined
    }
    const switching = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
    socket.write(formatHead({ status, reason, headers }, switching), 'latin1')
    return socket
  }

  /** Writes what has been gathered, as one piece if it is small. */
  flush(): void {
    if (this.#pending === 0 || this.isGone) return
    const pieces = this.#pieces
    const total = this.#pending
    this.#pieces = []
    this.#pending = 0
    const { socket } = this.#owner
    if (total <= COPY_BYTES) {
      socket.write(join(pieces, total))
      return
    }
    socket.cork()
    for (const piece of pieces) socket.write(piece, 'latin1')
    socket.uncork()
  }

  #framingOf(status: number, length: number | undefined): Framing {
    if (this.#isHead || status === 204 || status === 304) return 'none'
    if (length !== undefined) return 'length'
    return this.#version === '1.1' ? 'chunked' : 'until_close'
  }

  #framingField(status: number, length: number | undefined): string {
    if (this.#framing === 'chunked') return 'Transfer-Encoding: chunked\r\n'
    // RFC 9110 8.6: a 204 has none; of a HEAD or a 304 it tells what a GET would give.
    return length === undefined || status === 204 ? '' : `Content-Length: ${length}\r\n`
  }

  #connection(): string {
    return this.#keepsAlive ? this.#owner.keepAliveHint : 'Connection: close\r\n'
  }

  #frame(chunk: Buffer): void {
    if (this.#framing === 'none' || chunk.length === 0) return
    if (this.#framing === 'chunked') {
      this.#push(`${chunk.length.toString(16)}\r\n`)
      this.#push(chunk)
      this.#push('\r\n')
      return
    }
    if (this.#framing === 'length') this.#left -= chunk.length
    if (this.#left < 0) this.cut()
    else this.#push(chunk)
  }

  #push(piece: string | Buffer): void {
    this.#pieces.push(piece)
    this.#pending += piece.length
  }

  #finish(): void {
    this.#hasEnded = true
    this.#owner.replyEnded(this.#keepsAlive)
  }
}

function flush(reply: Reply): void {
  reply.flush()
}

/** One buffer; strings are heads and framing, one byte per character. */
function join(pieces: readonly (string | Buffer)[], total: number): Buffer {
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') at += bytes.write(piece, at, 'latin1')
    else at += piece.copy(bytes, at)
  }
  return bytes
}

/** An interim answer or the start of a final one; `own` are whole lines of this connection. */
export function formatHead(
  { status, reason, headers }: Omit<ReplyHead, 'length'>,
  own: string,
): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`
  for (let index = 0; index + 1 < headers.length; index += 2) {
    text += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`
  }
  return `${text}${own}\r\n`
}

/** A complete answer of ours. */
export function formatAnswer({ status, headers, body }: WireAnswer, connection: string): string {
  const reason = STATUS_CODES[status] ?? 'Refused'
  const length = Buffer.byteLength(body)
  const own = `Date: ${dateNow()}\r\nContent-Length: ${length}\r\n${connection}`
  return formatHead({ status, reason, headers }, own) + body
}

let dateText = ''
let dateUntil = 0

/** RFC 9110 5.6.7, made once a second. */
function dateNow(): string {
  const now = Date.now()
  if (now >= dateUntil || now < dateUntil - 1000) {
    dateText = new Date(now).toUTCString()
    dateUntil = now - (now % 1000) + 1000
  }
  return dateText
}
