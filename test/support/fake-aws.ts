/**
 * As much of AWS as the tests need, behind a check of every signature: made with the signer of AWS's
 * own SDK, which shares no code with ours, and for chunks from the S3 documentation alone.
 */

import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { contentOf, type Chain } from './aws-chunks.ts'
import type { RecordedRequest } from './request-reader.ts'
import type { Reply, Respond } from './upstream.ts'

export const REAL_PAIR = {
  access_key_id: 'AKIDREALKEYOFTHEACCT',
  secret_access_key: 'wJalrXUtnFEMI/K7MDENG+realSecretOfTheAccount',
} as const

export interface FakeAws {
  readonly respond: Respond
  /** Bodies as S3 would keep them, by `/bucket/key`. */
  readonly objects: ReadonlyMap<string, Buffer>
  /** `service region mode` of each request whose signature was right. */
  readonly verified: readonly string[]
}

/** `authority` is the Host that requests must be signed for. */
export function createFakeAws(authority: () => string): FakeAws {
  const objects = new Map<string, Buffer>()
  const verified: string[] = []
  const respond: Respond = async (request) => {
    const checked = await check(request, authority())
    if ('problem' in checked) {
      const body = `<Error><Code>SignatureDoesNotMatch</Code><Message>${checked.problem}</Message></Error>`
      return { status: 403, headers: XML, body }
    }
    verified.push(checked.summary)
    return answer(request, checked, objects)
  }
  return { respond, objects, verified }
}

interface Checked {
  readonly service: string
  readonly summary: string
  readonly body: Buffer
}

const XML = { 'content-type': 'application/xml' }
const FIELD =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/

type Parts = [
  keyId: string,
  day: string,
  region: string,
  service: string,
  names: string,
  signature: string,
]

async function check(
  request: RecordedRequest,
  authority: string,
): Promise<Checked | { readonly problem: string }> {
  const value = request.header('authorization') ?? ''
  const parts = FIELD.exec(value)?.slice(1) as Parts | undefined
  if (parts?.[0] !== REAL_PAIR.access_key_id || request.header('host') !== authority)
    return { problem: `InvalidAccessKeyId, or not for ${authority}` }
  const [, day, region, service, names, signature] = parts
  const time = saidBy(request, 'x-amz-date')
  const headers = Object.fromEntries(names.split(';').map((name) => [name, saidBy(request, name)]))
  const expected = await signAgain({ request, headers, authority, region, service, time })
  if (!expected.endsWith(`Signature=${signature}`)) return { problem: 'SignatureDoesNotMatch' }
  const mode = saidBy(request, 'x-amz-content-sha256')
  const chain = { day, region, service, time, signature }
  const body = bodyOf(request, mode, chain)
  if (!body) return { problem: 'the body is not what was signed' }
  const kind = /^[0-9a-f]{64}$/.test(mode) ? 'digest' : mode
  return { service, body, summary: `${service} ${region} ${kind}` }
}

interface Again {
  readonly request: RecordedRequest
  readonly headers: Readonly<Record<string, string>>
  readonly authority: string
  readonly region: string
  readonly service: string
  readonly time: string
}

async function signAgain(again: Again): Promise<string> {
  const { request, headers, authority, region, service, time } = again
  const { pathname, searchParams } = new URL(`http://x${request.target}`)
  const query: Record<string, string[]> = {}
  for (const [name, text] of searchParams) (query[name] ??= []).push(text)
  const signer = new SignatureV4({
    ...{ region, service, sha256: Sha256, applyChecksum: false, uriEscapePath: service !== 's3' },
    credentials: {
      accessKeyId: REAL_PAIR.access_key_id,
      secretAccessKey: REAL_PAIR.secret_access_key,
    },
  })
  const signed = await signer.sign(
    {
      ...{ method: request.method, protocol: 'https:', hostname: authority, path: pathname, query },
      headers: { ...headers },
    },
    { signingDate: dateOf(time) },
  )
  return String(signed.headers['authorization'])
}

const saidBy = (request: RecordedRequest, name: string): string => request.header(name) ?? ''

function bodyOf(request: RecordedRequest, mode: string, chain: Chain): Buffer | undefined {
  const { body } = request
  const secret = REAL_PAIR.secret_access_key
  if (mode === 'UNSIGNED-PAYLOAD') return body
  if (!mode.startsWith('STREAMING-'))
    return createHash('sha256').update(body).digest('hex') === mode ? body : undefined
  const isSigned = mode.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD')
  const hasTrailer = mode.endsWith('-TRAILER')
  return contentOf(body, {
    ...{ secret, ...(isSigned && { chain }) },
    ...(hasTrailer && { trailer: saidBy(request, 'x-amz-trailer') }),
  })
}

function answer(
  request: RecordedRequest,
  { service, body }: Checked,
  objects: Map<string, Buffer>,
): Reply {
  switch (service) {
    case 's3':
      return answerS3(request, body, objects)
    case 'iam':
      return { headers: XML, body: '<GetUserResponse/>' }
    case 'sts':
      if (body.includes('Action=AssumeRole')) return { headers: XML, body: ASSUMED }
      return {
        headers: { 'content-type': 'text/xml' },
        body: '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/real</Arn><UserId>AIDAREAL</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
      }
    default:
      return {
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: { Item: (JSON.parse(body.toString()) as { Key?: unknown }).Key },
      }
  }
}

function answerS3(request: RecordedRequest, body: Buffer, objects: Map<string, Buffer>): Reply {
  const [path = '', query = ''] = request.target.split('?')
  const fields = new URLSearchParams(query)
  switch (request.method) {
    case 'PUT':
      return store(request, body, objects)
    case 'POST':
      return { headers: XML, body: fields.has('uploads') ? STARTED : COMPLETED }
    case 'DELETE':
      objects.delete(path)
      return { status: 204 }
    default:
      if (fields.get('list-type') === '2') return { headers: XML, body: listed(path, objects) }
      return found(objects.get(path), request.header('range'))
  }
}

function store(request: RecordedRequest, body: Buffer, objects: Map<string, Buffer>): Reply {
  const [path = '', query = ''] = request.target.split('?')
  if (request.header('if-none-match') === '*' && objects.has(path)) return { status: 412 }
  const part = new URLSearchParams(query).get('partNumber')
  objects.set(part === null ? path : `${path}#${part}`, body)
  const isCopy = request.header('x-amz-copy-source') !== undefined
  return { headers: { ...XML, etag: '"e"' }, body: isCopy ? COPIED : '' }
}

function found(object: Buffer | undefined, asked: string | undefined): Reply {
  if (!object) return { status: 404, headers: XML, body: '<Error><Code>NoSuchKey</Code></Error>' }
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked ?? '') ?? []
  if (from === undefined) return { body: object.toString('latin1') }
  return { status: 206, body: object.toString('latin1', Number(from), Number(to) + 1) }
}

const ASSUMED =
  '<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role/secret+1</SecretAccessKey><SessionToken>role//session==</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>'

const COPIED = '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
const STARTED =
  '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
const COMPLETED = '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'

function listed(bucket: string, objects: ReadonlyMap<string, Buffer>): string {
  const root = bucket.endsWith('/') ? bucket : `${bucket}/`
  const keys = [...objects.keys()].filter((key) => key.startsWith(root))
  const contents = keys.map((key) => `<Contents><Key>${key.slice(root.length)}</Key></Contents>`)
  return `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`
}

function dateOf(time: string): Date {
  return new Date(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

/** The digest that the SDK's signer asks for. */
export class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(key))
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }

  reset(): void {
    throw new Error('is not used again')
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  return data instanceof ArrayBuffer
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
