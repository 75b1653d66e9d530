/**
 * A body in signed chunks (aws-chunked) on its way: each chunk's signature is verified before a
 * byte of it leaves, and ours takes its place. Both are 64 characters, so no length changes.
 *
 * Source: Amazon S3 API reference, "Signature calculations for the Authorization header:
 * transferring payload in multiple chunks", and the same with trailing headers.
 */

import { timingSafeEqual } from 'node:crypto'
import {
  ALGORITHM,
  scopeText,
  sha256,
  signatureOf,
  trimValue,
  type SigningScope,
} from './canonical.ts'

/** One side of the chain: what the next signature follows, and what it is made with. */
export interface ChunkChain {
  readonly key: Buffer
  readonly scope: SigningScope
  readonly time: string
  /** Of the head, to begin with. */
  signature: string
}

/** Clients send 64 KiB to 1 MiB. A chunk is held until its signature is known to be right. */
const MAX_CHUNK_BYTES = 4 * 1024 * 1024
const MAX_LINE_BYTES = 128
const MAX_TRAILER_BYTES = 8192

const HEAD = /^([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})$/
const TRAILER_SIGNATURE = /^x-amz-trailer-signature:([0-9a-f]{64})$/i
const CRLF = Buffer.from('\r\n')
const NOTHING = Buffer.alloc(0)
const EMPTY_DIGEST = sha256(NOTHING)

export class ChunkSigner {
  readonly #from: ChunkChain
  readonly #to: ChunkChain
  readonly #hasTrailer: boolean
  #kept: Buffer[] = []
  #keptBytes = 0
  #awaited = 0
  #state: 'chunk' | 'trailer' | 'over' = 'chunk'

  constructor(from: ChunkChain, to: ChunkChain, hasTrailer: boolean) {
    this.#from = from
    this.#to = to
    this.#hasTrailer = hasTrailer
  }

  /** What may leave now, perhaps nothing; undefined when the body is not what was signed. */
  take(bytes: Buffer): Buffer | undefined {
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    if (this.#keptBytes < this.#awaited) return NOTHING
    let rest = Buffer.concat(this.#kept)
    const leaving: Buffer[] = []
    for (;;) {
      const taken = this.#state === 'chunk' ? this.#chunk(rest) : this.#end(rest)
      if (taken === 'wrong') return undefined
      if (taken === 'more') break
      leaving.push(...taken.leaving)
      rest = rest.subarray(taken.length)
      this.#awaited = 0
    }
    this.#kept = [rest]
    this.#keptBytes = rest.length
    return Buffer.concat(leaving)
  }

  /** Of a chunk that has not come in full. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Whether the last chunk and what follows it have come, and nothing else. */
  get isOver(): boolean {
    return this.#state === 'over' && this.#keptBytes === 0
  }

  #chunk(bytes: Buffer): Taken {
    const line = lineOf(bytes)
    if (typeof line !== 'object') return line
    const { size, signature, length: from } = line
    const length = parseInt(size, 16)
    if (length > MAX_CHUNK_BYTES) return 'wrong'
    // The last chunk is its line alone where a trailer follows.
    const ending = length === 0 && this.#hasTrailer ? NOTHING : CRLF
    const to = from + length
    const whole = to + ending.length
    if (bytes.length < whole) return this.#await(whole)
    if (!bytes.subarray(to, whole).equals(ending)) return 'wrong'
    const digest = sha256(bytes.subarray(from, to))
    if (!follow(this.#from, chunkText(this.#from, digest), signature)) return 'wrong'
    const ours = extend(this.#to, chunkText(this.#to, digest))
    if (length === 0) this.#state = this.#hasTrailer ? 'trailer' : 'over'
    const head = Buffer.from(`${size};chunk-signature=${ours}\r\n`)
    return { length: whole, leaving: [head, bytes.subarray(from, whole)] }
  }

  /** Trailing headers, their signature, and an empty line; or nothing more at all. */
  #end(bytes: Buffer): Taken {
    if (bytes.length === 0) return 'more'
    if (this.#state === 'over') return 'wrong'
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return bytes.length > MAX_TRAILER_BYTES ? 'wrong' : 'more'
    const lines = bytes.toString('latin1', 0, end).split('\r\n')
    const [, signature = ''] = TRAILER_SIGNATURE.exec(lines.pop() ?? '') ?? []
    const digest = sha256(Buffer.from(canonicalTrailer(lines), 'latin1'))
    if (!follow(this.#from, trailerText(this.#from, digest), signature)) return 'wrong'
    const ours = extend(this.#to, trailerText(this.#to, digest))
    this.#state = 'over'
    const text = [...lines, `x-amz-trailer-signature:${ours}`, '', ''].join('\r\n')
    return { length: end + 4, leaving: [Buffer.from(text, 'latin1')] }
  }

  #await(bytes: number): 'more' {
    this.#awaited = bytes
    return 'more'
  }
}

type Taken =
  | { readonly length: number; readonly leaving: readonly Buffer[] }
  /** The rest of it has not come yet. */
  | 'more'
  | 'wrong'

interface ChunkLine {
  /** Hex, as written. */
  readonly size: string
  readonly signature: string
  /** Of the line itself, its end included. */
  readonly length: number
}

function lineOf(bytes: Buffer): ChunkLine | 'more' | 'wrong' {
  const end = bytes.indexOf(CRLF)
  if (end < 0) return bytes.length > MAX_LINE_BYTES ? 'wrong' : 'more'
  const [, size, signature] = HEAD.exec(bytes.toString('latin1', 0, end)) ?? []
  if (size === undefined || signature === undefined) return 'wrong'
  return { size, signature, length: end + CRLF.length }
}

function follow(chain: ChunkChain, text: string, signature: string): boolean {
  if (signature.length !== 64) return false
  const expected = signatureOf(chain.key, text)
  chain.signature = expected
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature))
}

function extend(chain: ChunkChain, text: string): string {
  chain.signature = signatureOf(chain.key, text)
  return chain.signature
}

function chunkText({ scope, time, signature }: ChunkChain, digest: string): string {
  return [`${ALGORITHM}-PAYLOAD`, time, scopeText(scope), signature, EMPTY_DIGEST, digest].join(
    '\n',
  )
}

function trailerText({ scope, time, signature }: ChunkChain, digest: string): string {
  return [`${ALGORITHM}-TRAILER`, time, scopeText(scope), signature, digest].join('\n')
}

/** `name:value` and a line feed each, as they came but for case and outer spaces. */
function canonicalTrailer(lines: readonly string[]): string {
  return lines
    .map((line) => {
      const colon = line.indexOf(':')
      return `${line.slice(0, colon).toLowerCase()}:${trimValue(line.slice(colon + 1))}\n`
    })
    .join('')
}
