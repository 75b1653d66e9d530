/**
 * A reply on node:http: one answer, whole or streamed, and what to do with a request body that is
 * still coming when the answer is done.
 */

import type { ServerResponse } from 'node:http'
import type { NodeBody } from './body.ts'
import type { WireAnswer, WireReply } from './message.ts'

/** An unread body is thrown away up to here, so that its sender gets to read the answer. */
const DRAIN_BYTES = 1024 * 1024
const DRAIN_MS = 1000

export class NodeReply implements WireReply {
  readonly #response: ServerResponse
  readonly #body: NodeBody | undefined
  #goneListener: (() => void) | undefined
  #hasEnded = false
  #isHeadAlone = false

  constructor(response: ServerResponse, body: NodeBody | undefined) {
    this.#response = response
    this.#body = body
  }

  /** To be called when the response's connection or the response itself is over. */
  closed(): void {
    if (!this.#hasEnded) this.#goneListener?.()
  }

  get isGone(): boolean {
    return this.#response.destroyed || this.#response.req.socket.destroyed
  }

  get hasStarted(): boolean {
    return this.#response.headersSent
  }

  whenGone(listener: () => void): void {
    if (this.isGone) {
      listener()
      return
    }
    this.#goneListener = listener
  }

  send({ status, headers, body }: WireAnswer): void {
    const response = this.#response
    if (this.isGone) return
    const isWaitedFor = !this.#body || response.req.complete
    const framing = ['Content-Length', String(Buffer.byteLength(body))]
    if (!isWaitedFor) framing.push('Connection', 'close')
    response.writeHead(status, [...headers, ...framing])
    if (isWaitedFor) {
      this.#hasEnded = true
      response.end(body)
      return
    }
    // The answer is complete by its length; ending later keeps a reset from overtaking it.
    response.write(body)
    this.#drain(() => {
      this.end()
    })
  }

  start(status: number, reason: string, headers: string[]): void {
    this.#response.writeHead(status, reason, headers)
    this.#isHeadAlone = true
    process.nextTick(flushHead, this)
  }

  write(chunk: Buffer): boolean {
    this.#isHeadAlone = false
    return this.#response.write(chunk)
  }

  whenWritable(listener: () => void): void {
    this.#response.once('drain', listener)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#isHeadAlone = false
    const { req } = this.#response
    this.#response.end()
    // An early answer to a long upload: the rest may still come, but not for ever.
    if (this.#body && !req.complete) {
      this.#drain(() => {
        if (!req.complete) req.socket.destroy()
      })
    }
  }

  cut(): void {
    this.#hasEnded = true
    this.#response.destroy()
  }

  /** Used by `start`'s next tick only: sends the head when no chunk came with it. */
  flush(): void {
    if (this.#isHeadAlone && !this.isGone) this.#response.flushHeaders()
  }

  /** Throws the rest of the body away, up to a limit, then calls back once. */
  #drain(done: () => void): void {
    const { req } = this.#response
    let drained = 0
    const finish = (): void => {
      clearTimeout(timer)
      req.off('data', count).off('end', finish).off('close', finish)
      done()
    }
    const count = (chunk: Buffer): void => {
      drained += chunk.length
      if (drained > DRAIN_BYTES) finish()
    }
    const timer = setTimeout(finish, DRAIN_MS)
    req.on('data', count).on('end', finish).on('close', finish)
    this.#body?.discard()
  }
}

function flushHead(reply: NodeReply): void {
  reply.flush()
}
