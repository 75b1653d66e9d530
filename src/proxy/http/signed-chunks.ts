/** A streamed body of signed chunks, each of them signed again on its way. */

import { ChunkSigner } from '../../injection/sigv4/chunks.ts'
import type { Signed } from '../../injection/sigv4/sign.ts'
import type { BodySink, BodySource } from '../http1/body.ts'
import type { SignedHead } from './signature.ts'

interface Heads {
  /** As received. */
  readonly from: SignedHead
  /** As it leaves. */
  readonly to: Signed
}

/** The body as it may leave: only signed chunks are changed. `onWrong` as below. */
export function signedBody(
  source: BodySource,
  { from, to }: Heads,
  onWrong: () => void,
): BodySource {
  const { payload, chain } = from
  if (payload.kind !== 'signed_chunks') return source
  const { key, scope, time, signature } = to
  const signer = new ChunkSigner(chain, { key, scope, time, signature }, payload.hasTrailer)
  return new SignedChunks(source, signer, onWrong)
}

class SignedChunks implements BodySource {
  readonly length: number | undefined
  readonly #source: BodySource
  readonly #signer: ChunkSigner
  readonly #onWrong: () => void
  #isWrong = false

  /** `onWrong` is called once, when the body is not what was signed: nothing more leaves. */
  constructor(source: BodySource, signer: ChunkSigner, onWrong: () => void) {
    this.#source = source
    this.#signer = signer
    this.#onWrong = onWrong
    this.length = source.length
  }

  stream(sink: BodySink): void {
    this.#source.stream({
      onChunk: (chunk) => {
        if (this.#isWrong) return false
        const leaving = this.#signer.take(chunk)
        if (!leaving) return this.#fail(sink)
        return leaving.length === 0 || sink.onChunk(leaving)
      },
      onEnd: () => {
        if (this.#isWrong) return
        if (this.#signer.isOver) sink.onEnd()
        else this.#fail(sink)
      },
      onFailure: () => {
        sink.onFailure()
      },
    })
  }

  resume(): void {
    if (!this.#isWrong) this.#source.resume()
  }

  #fail(sink: BodySink): false {
    this.#isWrong = true
    this.#onWrong()
    sink.onFailure()
    return false
  }
}
