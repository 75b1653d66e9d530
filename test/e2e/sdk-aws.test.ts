import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { DynamoDBClient, GetItemCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { checksumOf, chunkSignature, trailerSignature } from '../support/aws-chunks.ts'
import { createFakeAws, REAL_PAIR, Sha256 } from '../support/fake-aws.ts'

let plane: TestPlane
const aws = createFakeAws(() => new URL(plane.upstream.origin).host)
let verified: string[] = []

beforeAll(async () => {
  plane = await startPlane({ services: ['aws'], upstream: { respond: aws.respond } })
  plane.credentials.set('aws', REAL_PAIR)
})

afterAll(async () => {
  await plane.stop()
})

beforeEach(() => {
  plane.forget()
  verified = aws.verified as string[]
  verified.length = 0
})

/** What an agent has: the pair of a token with these scopes. */
function settings(scope = 'aws:read,aws:write,aws:delete', door = '/aws') {
  const pair = plane.keyPair(plane.issue({ scope }))
  return {
    region: 'eu-west-1',
    endpoint: `${plane.url}${door}`,
    credentials: pair,
    maxAttempts: 1,
  }
}

const s3 = (scope?: string) => new S3Client({ ...settings(scope), forcePathStyle: true })

const textOf = async (body: { transformToString(): Promise<string> } | undefined) =>
  body?.transformToString()

describe("S3 with AWS's own SDK", () => {
  const Bucket = 'reports'

  it.each<[string, () => string | Buffer | Readable, { length: number; mode: string }]>([
    ['text', () => 'hello, bucket', { length: 13, mode: 'digest' }],
    ['bytes', () => Buffer.alloc(100_000, 'b'), { length: 100_000, mode: 'digest' }],
    [
      'a stream',
      () => Readable.from([Buffer.alloc(70_000, 'c'), Buffer.alloc(70_000, 'd')]),
      { length: 140_000, mode: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
    ],
  ])('puts %s and gets it back', async (Key, body, { length: ContentLength, mode }) => {
    const client = s3()
    await client.send(new PutObjectCommand({ Bucket, Key, Body: body(), ContentLength }))
    expect(verified).toEqual([`s3 eu-west-1 ${mode}`])
    expect(aws.objects.get(`/${Bucket}/${encodeURIComponent(Key)}`)?.length).toBe(ContentLength)
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
    expect((await textOf(Body))?.length).toBe(ContentLength)
    expect(plane.audit.intents.map(({ access }) => access.rule)).toEqual([
      's3:PutObject',
      's3:GetObject',
    ])
  })

  it('puts what the caller did not sign, over a body of its own', async () => {
    const client = new S3Client({
      ...settings(),
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    })
    client.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> }
        headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
        return next(args)
      },
      { step: 'build' },
    )
    const Body = Readable.from([Buffer.alloc(50_000, 'u')])
    await client.send(
      new PutObjectCommand({ Bucket, Key: 'unsigned', Body, ContentLength: 50_000 }),
    )
    expect(verified).toEqual(['s3 eu-west-1 UNSIGNED-PAYLOAD'])
    expect(aws.objects.get('/reports/unsigned')?.length).toBe(50_000)
  })

  it('keeps names as they are: slashes, spaces, plus, umlauts, a folder', async () => {
    const client = s3()
    for (const Key of ['2026/11/a b+c.txt', 'ä/ö (1)!.txt', "it's*", 'folder/']) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
      expect(Buffer.from((await textOf(Body)) ?? '').length).toBeGreaterThan(0)
    }
    expect(verified).toHaveLength(8)
  })

  it('lists, heads, ranges, copies and deletes', async () => {
    const client = s3()
    const Key = 'ranged'
    await client.send(new PutObjectCommand({ Bucket, Key, Body: '0123456789' }))
    const list = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'r', MaxKeys: 5 }))
    expect(list.Contents?.map((item) => item.Key)).toContain(Key)
    expect((await client.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(10)
    const part = await client.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=2-4' }))
    expect(await textOf(part.Body)).toBe('234')
    await client.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/${Key}` }))
    await client.send(new DeleteObjectCommand({ Bucket, Key }))
    expect(plane.audit.intents.map(({ access }) => access.rule.slice(3))).toEqual([
      ...['PutObject', 'ListObjectsV2', 'HeadObject', 'GetObject', 'PutObject', 'DeleteObject'],
    ])
  })

  it('uploads in parts', async () => {
    const client = s3()
    const Key = 'parts'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    for (const PartNumber of [1, 2]) {
      const Body = Buffer.alloc(60_000, String(PartNumber))
      await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
    }
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId }))
    expect(plane.audit.intents.map(({ access }) => access.rule.slice(3))).toEqual([
      ...['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'CompleteMultipartUpload'],
    ])
  })

  it('puts chunks that are signed one by one, each signed again', async () => {
    const { credentials } = settings()
    const chunks = [Buffer.alloc(65_536, 's'), Buffer.alloc(10_000, 't'), Buffer.alloc(0)]
    const sent = await putSignedChunks({ ...credentials, chunks })
    expect(sent.status).toBe(200)
    expect(verified).toEqual(['s3 eu-west-1 STREAMING-AWS4-HMAC-SHA256-PAYLOAD'])
    expect(aws.objects.get('/reports/chunked')?.equals(Buffer.concat(chunks))).toBe(true)
  })

  it('takes no chunk that was not signed, and completes nothing at the upstream', async () => {
    const { credentials } = settings()
    const chunks = [Buffer.alloc(65_536, 's'), Buffer.alloc(65_536, 't'), Buffer.alloc(0)]
    const sent = await putSignedChunks({ ...credentials, chunks, isForged: true })
    expect(sent.status).toBe(401)
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.outcomes).toMatchObject([
      { result: 'abandoned', cause: 'request_body_signature_invalid' },
    ])
  })

  it('puts a trailer that is signed after signed chunks, with a signature of its own', async () => {
    const { credentials } = settings()
    const chunks = [Buffer.alloc(65_536, 's'), Buffer.alloc(10_000, 't'), Buffer.alloc(0)]
    const sent = await putSignedChunks({ ...credentials, chunks, trailer: 'as it is' })
    expect([sent.status, await sent.text()]).toEqual([200, ''])
    expect(verified).toEqual(['s3 eu-west-1 STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'])
    expect(aws.objects.get('/reports/chunked')?.equals(Buffer.concat(chunks))).toBe(true)
  })

  it.each<NonNullable<Chunked['trailer']>>(['forged', 'signed by nobody', 'more than signed'])(
    'takes no trailer that is %s, and completes nothing at the upstream',
    async (trailer) => {
      const { credentials } = settings()
      const chunks = [Buffer.alloc(65_536, 's'), Buffer.alloc(0)]
      const sent = await putSignedChunks({ ...credentials, chunks, trailer })
      expect(sent.status).toBe(401)
      expect(plane.upstream.requests).toEqual([])
      expect(plane.audit.outcomes).toMatchObject([
        { result: 'abandoned', cause: 'request_body_signature_invalid' },
      ])
    },
  )

  it('SC-01 is refused what its token may not, in words that the SDK understands', async () => {
    const client = s3('aws:read')
    const put = client.send(new PutObjectCommand({ Bucket, Key: 'no', Body: 'x' }))
    await expect(put).rejects.toThrow(/needs aws:write/)
    const policy = s3().send(new PutBucketPolicyCommand({ Bucket, Policy: '{}' }))
    await expect(policy).rejects.toThrow(/needs aws:admin/)
    const acl = s3().send(new PutObjectCommand({ Bucket, Key: 'p', Body: 'x', ACL: 'public-read' }))
    await expect(acl).rejects.toThrow(/aws:admin|x-amz-acl/)
    const copy = s3('aws:write').send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: 'secret/x' }),
    )
    await expect(copy).rejects.toThrow(/read|x-amz-copy-source/)
    expect(plane.upstream.requests).toEqual([])
  })
})

interface Chunked {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly chunks: readonly Buffer[]
  /** The second chunk is not what was signed. */
  readonly isForged?: boolean
  /** A checksum after the chunks; absent: nothing follows them. */
  readonly trailer?: 'as it is' | 'forged' | 'signed by nobody' | 'more than signed'
}

const TRAILER = 'x-amz-checksum-crc32'

/** As AWS's SDK for Java does over plain HTTP; the one for JavaScript never does. */
async function putSignedChunks({ chunks, isForged = false, trailer, ...credentials }: Chunked) {
  const signer = new SignatureV4({
    ...{ region: 'eu-west-1', service: 's3', sha256: Sha256, credentials },
    ...{ applyChecksum: false, uriEscapePath: false },
  })
  const url = new URL(`${plane.url}/aws/reports/chunked`)
  const decoded = chunks.reduce((sum, { length }) => sum + length, 0)
  const signed = await signer.sign({
    ...{ method: 'PUT', protocol: 'http:', hostname: url.hostname, path: url.pathname, query: {} },
    headers: {
      host: url.host,
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer ? '-TRAILER' : ''}`,
      'x-amz-decoded-content-length': String(decoded),
      ...(trailer && { 'x-amz-trailer': TRAILER }),
    },
  })
  const time = signed.headers['x-amz-date'] ?? ''
  const place = { day: time.slice(0, 8), region: 'eu-west-1', service: 's3', time }
  let previous = /Signature=(\w+)/.exec(signed.headers['authorization'] ?? '')?.[1] ?? ''
  const parts = chunks.flatMap((chunk, index) => {
    previous = chunkSignature({ ...place, signature: previous }, chunk, credentials.secretAccessKey)
    const sent = isForged && index === 1 ? Buffer.alloc(chunk.length, 'x') : chunk
    const head = `${chunk.length.toString(16)};chunk-signature=${previous}\r\n`
    const isLast = chunk.length === 0
    return [Buffer.from(head), sent, Buffer.from(isLast && trailer ? '' : '\r\n')]
  })
  if (trailer) {
    const chain = { ...place, signature: previous }
    const line = `${TRAILER}:${checksumOf(Buffer.concat(chunks))}`
    parts.push(
      trailerOf(line, trailerSignature(chain, [line], credentials.secretAccessKey), trailer),
    )
  }
  return await fetch(url, { method: 'PUT', headers: signed.headers, body: Buffer.concat(parts) })
}

function trailerOf(line: string, signature: string, how: NonNullable<Chunked['trailer']>): Buffer {
  const lines = {
    'as it is': [line, `x-amz-trailer-signature:${signature}`],
    forged: [`${TRAILER}:AAAAAA==`, `x-amz-trailer-signature:${signature}`],
    'signed by nobody': [line],
    'more than signed': [line, 'x-amz-meta-owner:me', `x-amz-trailer-signature:${signature}`],
  }[how]
  return Buffer.from([...lines, '', ''].join('\r\n'))
}

describe('DynamoDB and STS', () => {
  it('take the same pair; JSON and query protocols are told apart', async () => {
    const dynamo = new DynamoDBClient(settings())
    const got = await dynamo.send(
      new GetItemCommand({ TableName: 'orders', Key: { id: { S: '42' } } }),
    )
    expect(got.Item?.['id']).toEqual({ S: '42' })
    const sts = new STSClient(settings())
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe('123456789012')
    expect(verified).toEqual(['dynamodb eu-west-1 digest', 'sts eu-west-1 digest'])
    expect(plane.audit.intents.map(({ access }) => [access.rule, access.host])).toEqual([
      ['dynamodb:GetItem', 'dynamodb.eu-west-1.amazonaws.com'],
      ['sts:GetCallerIdentity', 'sts.eu-west-1.amazonaws.com'],
    ])
  })

  it('refuse a table to be deleted, and a role to be assumed', async () => {
    const drop = new DynamoDBClient(settings('aws:write')).send(
      new DeleteTableCommand({ TableName: 'orders' }),
    )
    await expect(drop).rejects.toThrow(/may not call dynamodb:DeleteTable: needs aws:delete/)
    const role = new STSClient(settings()).send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::123456789012:role/r', RoleSessionName: 's' }),
    )
    await expect(role).rejects.toThrow(/needs aws:secrets/)
  })

  it('work at the door of a token with one service, without a path', async () => {
    const sts = new STSClient(settings('aws:read', ''))
    expect((await sts.send(new GetCallerIdentityCommand({}))).UserId).toBe('AIDAREAL')
  })

  it('take the token itself as secret and session token', async () => {
    const token = plane.issue({ scope: 'aws:read' })
    const credentials = {
      accessKeyId: 'AKIAPHANTOM',
      secretAccessKey: token,
      sessionToken: token,
    }
    const sts = new STSClient({ ...settings(), credentials })
    expect((await sts.send(new GetCallerIdentityCommand({}))).UserId).toBe('AIDAREAL')
    expect(plane.upstream.count(token)).toBe(0)
    const wrong = { ...credentials, secretAccessKey: randomBytes(30).toString('base64') }
    const forged = new STSClient({ ...settings(), credentials: wrong })
    await expect(forged.send(new GetCallerIdentityCommand({}))).rejects.toThrow(/phantom token/)
  })

  it('refuse a pair that is not whole, or revoked, alike', async () => {
    const token = plane.issue({ scope: 'aws:read' })
    const pair = plane.keyPair(token)
    const ask = (credentials: typeof pair) =>
      new STSClient({ ...settings(), credentials }).send(new GetCallerIdentityCommand({}))
    const messages: string[] = []
    const note = async (asked: Promise<unknown>) => {
      await asked.catch((error: unknown) => messages.push((error as Error).message))
    }
    await note(ask({ ...pair, secretAccessKey: `${pair.secretAccessKey.slice(1)}x` }))
    await note(ask({ ...pair, accessKeyId: `${pair.accessKeyId.slice(0, -1)}_` }))
    plane.revoke(token)
    await note(ask(pair))
    expect(messages).toHaveLength(3)
    expect(new Set(messages.map((text) => text.replace(/Request req_\w+/, ''))).size).toBe(1)
    expect(plane.upstream.requests).toEqual([])
  })

  it('CE-15 refuse a real key pair, and say so', async () => {
    const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) }
    const asked = new STSClient({ ...settings(), credentials }).send(
      new GetCallerIdentityCommand({}),
    )
    await expect(asked).rejects.toThrow(/real/)
    expect(plane.upstream.requests).toEqual([])
  })
})
