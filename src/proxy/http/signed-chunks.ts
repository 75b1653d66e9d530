/** A streamed body of signed chunks, each of them signed again on its way. */

import { ChunkSigner } from '../../injection/sigv4/chunks.ts'
import type { Signed } from '../../injection/sigv4/sign.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { BodyShare } from '../body-budget.ts'
import type { BodySink, BodySource } from '../http1/body.ts'
import type { SignedHead } from './signature.ts'

interface Heads {
  /** As received. */
  readonly from: SignedHead
  /** As it leaves. */
  readonly to: Signed
}

/** Of the request that the body belongs to. */
export interface ChunkOwner {
  /** A chunk is held until its signature is known to be right. */
  readonly share: BodyShare
  /** Called once, when nothing more of the body may leave. */
  readonly onRefusal: (refusal: Refusal) => void
}

/** The body as it may leave; undefined where it leaves as it is, since nothing in it is signed. */
export function createSignedChunks(
  source: BodySource,
  { from, to }: Heads,
  owner: ChunkOwner,
): SignedChunks | undefined {
  const { payload, chain } = from
  if (payload.kind !== 'signed_chunks') return undefined
  const { key, scope, time, signature } = to
  const signer = new ChunkSigner(chain, { key, scope, time, signature }, payload.hasTrailer)
  return new SignedChunks(source, signer, owner)
}

const WRONG: Refusal = {
  reason: 'signature_invalid',
  problem: 'a chunk of the body is not what was signed',
}

export class SignedChunks implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #signer: ChunkSigner
  readonly #owner: ChunkOwner
  #heldBytes = 0
  #isOver = false

  constructor(source: BodySource, signer: ChunkSigner, owner: ChunkOwner) {
    this.#source = source
    this.#signer = signer
    this.#owner = owner
    this.length = source.length
  }

  stream(sink: BodySink): void {
    this.#source.stream({
      onChunk: (chunk) => {
        if (this.#isOver) return false
        if (!this.#owner.share.take(chunk.length)) return this.#fail(sink, { reason: 'overloaded' })
        this.#heldBytes += chunk.length
        const leaving = this.#signer.take(chunk)
        if (!leaving) return this.#fail(sink, WRONG)
        this.#giveBack(this.#heldBytes - this.#signer.keptBytes)
        return leaving.length === 0 || sink.onChunk(leaving)
      },
      onEnd: () => {
        if (this.#isOver) return
        if (this.#signer.isOver) sink.onEnd()
        else this.#fail(sink, WRONG)
      },
      onFailure: () => {
        sink.onFailure()
      },
    })
  }

  resume(): void {
    if (!this.#isOver) this.#source.resume()
  }

  /** Nothing of it is waited for any more. */
  release(): void {
    this.#isOver = true
    this.#giveBack(this.#heldBytes)
  }

  #giveBack(bytes: number): void {
    this.#owner.share.give(bytes)
    this.#heldBytes -= bytes
  }

  #fail(sink: BodySink, refusal: Refusal): false {
    this.release()
    this.#owner.onRefusal(refusal)
    sink.onFailure()
    return false
  }
}
