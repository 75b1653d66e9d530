/**
 * An upstream's answer that came before its request was on record: kept until it is. Used only with
 * `audit.dangerously_before_response`; otherwise nothing leaves before its record, and nothing waits.
 */

import type { Duplex } from 'node:stream'
import { Failure } from '../../base/errors.ts'
import type { AnswerHead, AnswerListener } from '../upstream/upstream.ts'

type Event = (listener: AnswerListener) => void

export class WithheldAnswer implements AnswerListener {
  readonly #listener: AnswerListener
  readonly #events: Event[] = []
  readonly #resume: () => void
  #switched: Duplex | undefined
  #state: 'withheld' | 'released' | 'dropped' = 'withheld'

  /** `resume` lets the upstream go on, which is paused with the first bytes of a body. */
  constructor(listener: AnswerListener, resume: () => void) {
    this.#listener = listener
    this.#resume = resume
  }

  onHead(head: AnswerHead): void {
    this.#pass((listener) => {
      listener.onHead(head)
    })
  }

  onChunk(chunk: Buffer): boolean {
    if (this.#state === 'released') return this.#listener.onChunk(chunk)
    // Copied: a chunk is a view of a buffer that is used again.
    const kept = Buffer.from(chunk)
    this.#pass((listener) => {
      listener.onChunk(kept)
    })
    return false
  }

  onEnd(): void {
    this.#pass((listener) => {
      listener.onEnd()
    })
  }

  onSwitch(head: AnswerHead, connection: Duplex): void {
    if (this.#state === 'withheld') this.#hold(connection)
    this.#pass((listener) => {
      connection.off('error', ignore)
      if (connection.destroyed) listener.onFailure(lost())
      else listener.onSwitch(head, connection)
    })
  }

  onFailure(failure: Failure): void {
    this.#pass((listener) => {
      listener.onFailure(failure)
    })
  }

  /** The request is on record: everything so far, and from now on whatever comes. */
  release(): void {
    if (this.#state !== 'withheld') return
    this.#state = 'released'
    for (const event of this.#events.splice(0)) event(this.#listener)
    this.#resume()
  }

  /** Nobody is to hear of it any more. */
  drop(): void {
    if (this.#state === 'withheld') this.#switched?.destroy()
    this.#state = 'dropped'
    this.#events.length = 0
  }

  #pass(event: Event): void {
    if (this.#state === 'released') event(this.#listener)
    else if (this.#state === 'withheld') this.#events.push(event)
  }

  #hold(connection: Duplex): void {
    this.#switched = connection
    connection.on('error', ignore)
  }
}

const ignore = (): void => undefined

const lost = (): Failure => new Failure('upstream_unreachable', 'the upstream closed a new tunnel')
