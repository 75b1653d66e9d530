/**
 * One client connection: requests are read one after the other, and the next one only when the
 * answer before it is over, so pipelined requests are answered in their order.
 *
 *   phase      what arrives                          leaves it
 *   head       bytes of a request head               a whole head -> request; a bad one -> linger
 *   request    its body, then bytes kept for later   the answer's end -> head, or -> linger
 *   linger     thrown away, so that the answer is    the client's end, or too long
 *              not lost to a reset
 *   tunnel     another protocol's                    its end
 */

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { HeadScanner } from '../http1/head-end.ts'
import { readRequestHead, type RequestHead } from '../http1/request-head.ts'
import { NO_BODY, RequestBody, type BodyOwner } from './body.ts'
import type { WireLimits } from '../limits.ts'
import type { BodyFailure, Listener, Malformed, WireAnswer } from './message.ts'
import type { WireReply, WireRequest } from './message.ts'
import { Reply, type ReplyOwner } from './reply.ts'
import { SendTimer } from './send-timer.ts'
import { originForm } from './target.ts'

/** What all connections of a listener share. */
export interface ConnectionParts {
  readonly listener: () => Listener
  readonly limits: WireLimits
  /** Milliseconds of a clock that never goes back, read now and then. */
  readonly clock: { readonly now: number }
  readonly keepAliveHint: string
  readonly isDraining: () => boolean
  /** The real source behind trusted proxies; wire/source.ts. */
  readonly sourceOf: (peer: string, fields: WireRequest['fields']) => string
  readonly now: () => number
  readonly serve: (request: WireRequest, reply: WireReply) => void
  readonly reject: (malformed: Malformed) => WireAnswer
  /** A request began, or is over: by its answer, or with its connection. */
  readonly count: (change: 1 | -1) => void
  readonly closed: (connection: Connection) => void
}

type Phase = 'head' | 'request' | 'linger' | 'tunnel' | 'closed'

/** Pipelined bytes that are kept while an answer is under way. */
const MAX_AHEAD_BYTES = 64 * 1024

const EMPTY = Buffer.alloc(0)

export class Connection implements ReplyOwner, BodyOwner {
  readonly socket: Socket
  readonly keepAliveHint: string
  readonly #peer: string
  readonly #parts: ConnectionParts
  readonly #scanner: HeadScanner
  readonly #sending: SendTimer
  #phase: Phase = 'head'
  #input: Buffer = EMPTY
  #isAdvancing = false
  #reply: Reply | undefined
  #body: RequestBody | undefined
  #deadline: number
  /** For the whole of a body, however lively it is. */
  #bodyDeadline = Infinity
  #keepsAlive = true
  #lingered = 0
  #isHeadTimed = false

  constructor(socket: Socket, peer: string, parts: ConnectionParts) {
    this.socket = socket
    this.#peer = peer
    this.keepAliveHint = parts.keepAliveHint
    this.#parts = parts
    this.#scanner = new HeadScanner(parts.limits.maxHeaderBytes)
    this.#deadline = parts.clock.now + parts.limits.headTimeoutMs
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.destroy)
    socket.on('close', this.#onClose)
    this.#sending = new SendTimer(socket, parts.limits.sendIdleTimeoutMs)
  }

  get isOpen(): boolean {
    return this.#phase !== 'closed' && this.socket.writable
  }

  /** Called now and then: ends what has taken too long. */
  sweep(now: number): void {
    if (this.#phase !== 'tunnel') this.#sending.check()
    if (now < this.#deadline && now < this.#bodyDeadline) return
    if (this.#phase === 'linger' && this.#sending.isUnderWay)
      this.#deadline = now + this.#parts.limits.drainMs
    else if (this.#phase === 'request') this.#failBody('stalled')
    else if (this.#phase === 'head' && this.#input.length > 0)
      this.#refuse({ status: 408, problem: 'the head took too long' })
    else if (this.#phase === 'head') this.#linger()
    else this.destroy()
  }

  /** Closes it unless a request is under way. */
  retire(): void {
    if (this.#phase === 'head' && this.#input.length === 0) this.#linger()
  }

  readonly destroy = (): void => {
    breakOff(this.socket)
    this.#onClose()
  }

  mayKeepAlive(): boolean {
    const isWhole = this.#body?.isComplete ?? true
    return this.#keepsAlive && isWhole && !this.#parts.isDraining()
  }

  replyEnded(keepsAlive: boolean): void {
    const isWhole = this.#body?.isComplete ?? true
    this.#body?.abandon()
    this.#release()
    if (!keepsAlive || !isWhole || this.#parts.isDraining()) {
      this.#linger()
      return
    }
    this.#phase = 'head'
    this.#deadline = this.#parts.clock.now + this.#parts.limits.idleConnectionMs
    this.socket.resume() // it may have been too far ahead
    if (this.#input.length > 0) this.#advance()
  }

  giveAway(): Socket | undefined {
    const { socket } = this
    if (!this.isOpen || this.#input.length > 0 || socket.readableLength > 0) return undefined
    socket.off('data', this.#onData).off('end', this.#onEnd)
    this.#sending.stop()
    this.#phase = 'tunnel'
    this.#deadline = Infinity
    return socket
  }

  bodyWanted(): void {
    this.#deadline = this.#parts.clock.now + this.#parts.limits.bodyIdleTimeoutMs
    this.#advance()
    if (this.#body?.isWanted === true) this.socket.resume()
  }

  sendContinue(): void {
    if (this.isOpen && this.#reply?.hasStarted === false)
      this.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === 'linger') {
      this.#lingered += chunk.length
      // A reset now could overtake the answer: let it wait, until its time is over.
      if (this.#lingered > this.#parts.limits.drainBytes) this.socket.pause()
      return
    }
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
    this.#advance()
  }

  /** Takes from the input what the phase can use, for as long as it can. */
  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    let isMoving = true
    while (isMoving && this.#input.length > 0) {
      if (this.#phase === 'head') isMoving = this.#readHead()
      else isMoving = this.#phase === 'request' && this.#feedBody()
    }
    this.#isAdvancing = false
  }

  /** Reads one head; false when more of it must come first, or nothing more will be read. */
  #readHead(): boolean {
    const end = this.#scanner.scan(this.#input)
    if (typeof end !== 'number') return this.#refuse(end)
    if (end < 0) return this.#awaitHead()
    const { limits, listener } = this.#parts
    const head = readRequestHead(this.#input, end, limits)
    if (!head.ok) return this.#refuse(head.error)
    if ((head.value.length ?? 0) > limits.maxBodyBytes)
      return this.#refuse({ status: 413, problem: 'the body is too large' })
    const target = originForm(head.value)
    if (target === undefined)
      return this.#refuse({ status: 400, problem: 'the target is for another host' })
    this.#input = this.#input.subarray(end)
    this.#scanner.reset()
    this.#begin({ ...head.value, target }, listener())
    return true
  }

  /** A head's first bytes start its time; later ones do not give it more. */
  #awaitHead(): false {
    if (!this.#isHeadTimed)
      this.#deadline = this.#parts.clock.now + this.#parts.limits.headTimeoutMs
    this.#isHeadTimed = true
    return false
  }

  #begin(head: RequestHead, listener: Listener): void {
    const { limits, clock, sourceOf, now } = this.#parts
    const { method, target, version, host, fields, spelling, upgrade, length } = head
    const hasBody = length !== 0
    this.#isHeadTimed = false
    this.#phase = 'request'
    // What follows a handshake that was refused may be frames: it must not be read as requests.
    this.#keepsAlive = head.keepsAlive && upgrade?.includes('websocket') !== true
    this.#deadline = Infinity
    this.#bodyDeadline = hasBody ? clock.now + limits.totalTimeoutMs : Infinity
    const { awaitsContinue } = head
    this.#body = hasBody
      ? new RequestBody({ length, awaitsContinue, maxBytes: limits.maxBodyBytes, owner: this })
      : undefined
    const reply = new Reply(this, method, version)
    this.#reply = reply
    this.#parts.count(1)
    const request: WireRequest = {
      listener,
      source: sourceOf(this.#peer, fields),
      receivedAt: now(),
      method,
      target,
      version,
      host,
      fields,
      spelling,
      upgrade: hasBody ? undefined : upgrade,
      body: this.#body ?? NO_BODY,
    }
    this.#parts.serve(request, reply)
  }

  /** Gives bytes to the body; what comes behind it waits for the answer's end. */
  #feedBody(): boolean {
    const body = this.#body
    if (body?.isWanted === true) {
      this.#input = this.#input.subarray(body.feed(this.#input))
      this.#awaitBody(body)
      return true
    }
    if (body?.failure !== undefined) this.#input = EMPTY
    else if (body?.isOpen === true || this.#input.length > MAX_AHEAD_BYTES) this.socket.pause()
    return false
  }

  /** The client's time runs only while somebody waits for it. */
  #awaitBody({ isWanted, isOpen }: RequestBody): void {
    const { clock, limits } = this.#parts
    this.#deadline = isWanted ? clock.now + limits.bodyIdleTimeoutMs : Infinity
    if (!isOpen) this.#bodyDeadline = Infinity
    if (isOpen && !isWanted) this.socket.pause()
    else this.socket.resume() // behind a body too: only a socket that is read tells when it ends
  }

  #failBody(failure: BodyFailure): void {
    this.#deadline = Infinity
    this.#bodyDeadline = Infinity
    this.#body?.fail(failure)
  }

  /** Answers what is no request, and closes. */
  #refuse({ status, problem }: Pick<Malformed, 'status' | 'problem'>): false {
    const { reject, listener, sourceOf } = this.#parts
    this.#keepsAlive = false
    const source = sourceOf(this.#peer, [])
    new Reply(this, 'GET', '1.1').send(reject({ status, problem, source, listener: listener() }))
    return false
  }

  #linger(): void {
    this.#phase = 'linger'
    this.#input = EMPTY
    this.#deadline = this.#parts.clock.now + this.#parts.limits.drainMs
    this.#bodyDeadline = Infinity
    this.socket.end()
    this.socket.resume()
  }

  /** The client ended its side: it has gone, or it never meant to send more. */
  readonly #onEnd = (): void => {
    if (this.#phase === 'request') this.destroy()
    else this.socket.destroySoon()
  }

  readonly #onClose = (): void => {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#input = EMPTY
    this.#body?.fail('gone')
    this.#reply?.gone()
    this.#release()
    this.#parts.closed(this)
  }

  #release(): void {
    if (!this.#reply) return
    this.#reply = undefined
    this.#body = undefined
    this.#parts.count(-1)
  }
}

/** A reset where there can be one: an answer that ends with its connection must not look whole. */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  // libuv does not reset what it is shutting down, and then never says that it is closed.
  if (socket instanceof TLSSocket || socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
