/**
 * aws-chunked bodies as S3 reads them, by its documentation alone: the chain of chunk signatures,
 * and the trailer with its own signature and the checksum that it promises.
 */

import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'

export interface Chain {
  readonly day: string
  readonly region: string
  readonly service: string
  readonly time: string
  /** The one before. */
  readonly signature: string
}

export interface Chunked {
  /** Absent: chunks are not signed. */
  readonly chain?: Chain
  /** What `x-amz-trailer` names; absent: no trailer may follow. */
  readonly trailer?: string
  readonly secret: string
}

/** The content; undefined unless each part is signed as it must be, and nothing follows. */
export function contentOf(body: Buffer, { chain, trailer, secret }: Chunked): Buffer | undefined {
  const parts: Buffer[] = []
  let last = chain
  let chunk = chunkAt(body, 0)
  while (chunk) {
    const { data, signature, end } = chunk
    if (last && signature !== chunkSignature(last, data, secret)) return undefined
    last &&= { ...last, signature }
    if (data.length === 0) {
      const content = Buffer.concat(parts)
      const rest = body.toString('latin1', end)
      return endsWell(rest, { content, chain: last, trailer, secret }) ? content : undefined
    }
    parts.push(data)
    chunk = chunkAt(body, end + 2)
  }
  return undefined
}

function chunkAt(body: Buffer, at: number) {
  const end = body.indexOf('\r\n', at)
  if (end < 0) return undefined
  const [size = '', signature = ''] = body.toString('latin1', at, end).split(';chunk-signature=')
  const data = body.subarray(end + 2, end + 2 + parseInt(size, 16))
  return { data, signature, end: end + 2 + data.length }
}

interface Ending {
  readonly content: Buffer
  readonly chain: Chain | undefined
  readonly trailer: string | undefined
  readonly secret: string
}

function endsWell(rest: string, { content, chain, trailer, secret }: Ending): boolean {
  if (trailer === undefined) return rest === '\r\n'
  const lines = rest.split('\r\n')
  if (lines.splice(-2).join() !== ',') return false
  if (chain) {
    const signed = `x-amz-trailer-signature:${trailerSignature(chain, lines.slice(0, -1), secret)}`
    if (lines.pop() !== signed) return false
  }
  const [[name = '', value = ''] = [], ...others] = lines.map((line) => line.split(':'))
  return others.length === 0 && name === trailer && value === checksumOf(content)
}

/** `x-amz-checksum-crc32`: four bytes in base64. */
export function checksumOf(content: Buffer): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(content))
  return bytes.toString('base64')
}

export function chunkSignature(chain: Chain, data: Buffer, secret: string): string {
  return sign(chain, secret, ['PAYLOAD', hash(''), hash(data)])
}

export function trailerSignature(chain: Chain, lines: readonly string[], secret: string): string {
  return sign(chain, secret, ['TRAILER', hash(lines.map((line) => `${line}\n`).join(''))])
}

const hash = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

function sign(
  { day, region, service, time, signature: previous }: Chain,
  secret: string,
  [kind = '', ...hashes]: readonly string[],
): string {
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = [`AWS4-HMAC-SHA256-${kind}`, time, scope, previous, ...hashes].join('\n')
  const hmac = (key: Buffer | string, word: string) =>
    createHmac('sha256', key).update(word).digest()
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request')
  return createHmac('sha256', key).update(text).digest('hex')
}
