/**
 * Two connections joined after an upstream's 101: what one side says the other gets, at the pace of
 * the slower, but for the credential that the upstream was given. It has no time limit of its own, for
 * a silent WebSocket is a healthy one: a peer that vanished is found by the keep-alive of its TCP connection.
 */

import type { Duplex } from 'node:stream'
import type { Needles } from '../../scrub/needles.ts'
import { ScrubbedFrames } from './scrubbed-frames.ts'

/** How it ended: by one side's own wish, or with one side broken. */
export type TunnelEnd = 'ended' | 'client_broke' | 'upstream_broke'

export interface TunnelSides {
  readonly client: Duplex
  readonly upstream: Duplex
  /** Of the credential that the upstream was given: it goes to no client. */
  readonly needles: Needles | undefined
}

/** From the first side's end on: for what is still to be delivered, and for the other's farewell. */
const CLOSING_MS = 10_000

export class Tunnel {
  bytesUp = 0
  bytesDown = 0
  readonly #sides: TunnelSides
  readonly #whenOver: (end: TunnelEnd) => void
  readonly #scrubbed: ScrubbedFrames | undefined
  #closing: NodeJS.Timeout | undefined
  #isOver = false

  /** `whenOver` is called once, unless the tunnel is cut before. */
  constructor(sides: TunnelSides, whenOver: (end: TunnelEnd) => void) {
    this.#sides = sides
    this.#whenOver = whenOver
    const { client, upstream } = sides
    client.on('data', (chunk: Buffer) => {
      this.bytesUp += chunk.length
    })
    upstream.on('data', (chunk: Buffer) => {
      this.bytesDown += chunk.length
    })
    this.#scrubbed = sides.needles && this.#scrub(sides.needles)
    this.#carry(client, upstream)
    this.#carry(upstream, client, this.#scrubbed)
    this.#watch(client, 'client_broke')
    this.#watch(upstream, 'upstream_broke')
    client.resume()
    upstream.resume()
  }

  get isEchoed(): boolean {
    return (this.#scrubbed?.hits ?? 0) > 0
  }

  /** Ends both sides at once; nothing more is delivered. */
  cut(): void {
    this.#isOver = true
    this.#scrubbed?.close()
    clearTimeout(this.#closing)
    this.#sides.client.destroy()
    this.#sides.upstream.destroy()
  }

  #scrub(needles: Needles): ScrubbedFrames {
    const { client } = this.#sides
    return new ScrubbedFrames({
      needles,
      write: (bytes) => !client.writable || client.write(bytes),
      onProblem: () => {
        this.#end('upstream_broke')
      },
    })
  }

  #carry(from: Duplex, to: Duplex, scrubbed?: ScrubbedFrames): void {
    from.on('data', (chunk: Buffer) => {
      // A side that has said its last word, as after a Close frame, may have stopped listening.
      if (!to.writable) return
      if (!(scrubbed ? scrubbed.take(chunk) : to.write(chunk))) from.pause()
    })
    to.on('drain', () => {
      from.resume()
    })
    from.on('end', () => {
      this.#closing ??= setTimeout(() => {
        this.#end('ended')
      }, CLOSING_MS)
      to.end()
    })
  }

  #watch(side: Duplex, broken: TunnelEnd): void {
    side.on('error', () => {
      this.#end(broken)
    })
    side.on('close', () => {
      const { client, upstream } = this.#sides
      if (this.#closing === undefined || (client.closed && upstream.closed)) this.#end(broken)
    })
  }

  #end(end: TunnelEnd): void {
    if (this.#isOver) return
    const hadSaidGoodbye = this.#closing !== undefined
    this.cut()
    this.#whenOver(hadSaidGoodbye ? 'ended' : end)
  }
}
