import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeAws, REAL_PAIR, type FakeAws } from '../../test/support/fake-aws.ts'
import { vkeyOf, writeSignedAudit, type SignedAudit } from '../../test/support/signed-audit.ts'
import { startUpstream, type Upstream } from '../../test/support/upstream.ts'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { credentialIn, openS3Place } from './s3-place.ts'
import type { S3Target } from './s3-target.ts'
import { parseTarget } from './target.ts'

const ENV = {
  AWS_ACCESS_KEY_ID: REAL_PAIR.access_key_id,
  AWS_SECRET_ACCESS_KEY: REAL_PAIR.secret_access_key,
}

let audit: SignedAudit
let early: SignedCheckpoint
let late: SignedCheckpoint
let upstream: Upstream
let aws: FakeAws

beforeAll(async () => {
  audit = await writeSignedAudit()
  early = readCheckpoint(audit.early)!
  late = readCheckpoint(audit.files.get('local/checkpoint')!.toString())!
  upstream = await startUpstream()
})

afterAll(async () => {
  await upstream.close()
})

beforeEach(() => {
  aws = createFakeAws(() => `127.0.0.1:${upstream.port}`)
  upstream.forget()
  upstream.respond(aws.respond)
})

function targetOf(text: string): S3Target {
  const target = parseTarget(text)
  if (!target.ok || target.value.kind !== 's3') throw new Error('no s3 target')
  return target.value
}

async function put(checkpoint: SignedCheckpoint, env: Record<string, string> = ENV): Promise<void> {
  const target = `s3://anchors/audit?region=eu-central-1&endpoint=https://127.0.0.1:${upstream.port}`
  const place = openS3Place({
    ...targetOf(target),
    ...{ credential: credentialIn(env), ca: upstream.ca, allowPrivateAddress: true },
    known: new Map(),
  })
  await place.write({ checkpoints: [checkpoint], publicKey: vkeyOf(audit.key), at: Date.now() })
}

const nameOf = (size: number, { root }: SignedCheckpoint) =>
  `/anchors/audit/apistronghold/production/local/${String(size).padStart(16, '0')}-${root.toString('hex').slice(0, 16)}.note`

describe('a bucket', () => {
  it('gets an object for each checkpoint, in requests signed as its own SDK signs them', async () => {
    await put(early)
    await put(late)
    expect(
      Object.fromEntries([...aws.objects].map(([name, body]) => [name, body.toString()])),
    ).toEqual({ [nameOf(5, early)]: early.note, [nameOf(12, late)]: late.note })
    expect(aws.verified).toEqual(['s3 eu-central-1 digest', 's3 eu-central-1 digest'])
    const sent = upstream.requests[0]
    expect([sent?.header('if-none-match'), sent?.header('content-md5')?.length]).toEqual(['*', 24])
  })

  it('keeps what it has: the same checkpoint again is as good as taken', async () => {
    await put(early)
    await put(early)
    expect(aws.objects.size).toBe(1)
    expect(aws.verified).toHaveLength(2)
  })

  it('gets the token of a session, under the signature', async () => {
    await put(early, { ...ENV, AWS_SESSION_TOKEN: 'session//token==' })
    const [sent] = upstream.requests
    expect(sent?.header('x-amz-security-token')).toBe('session//token==')
    expect(sent?.header('authorization')).toMatch(/SignedHeaders=[^,]*;x-amz-security-token,/)
    expect(aws.objects.size).toBe(1)
  })

  it('that does not know the key is said to refuse, without a word of the key', async () => {
    const secret = 'canary/of+another+secret/access/key/0000'
    const failed: unknown = await put(early, { ...ENV, AWS_SECRET_ACCESS_KEY: secret }).catch(
      (error: unknown) => error,
    )
    expect(failed).toMatchObject({ code: 'refused', message: /^s3:\/\/anchors .* answered 403/ })
    expect(aws.objects.size).toBe(0)
    expect(upstream.count('canary')).toBe(0)
  })

  it.each([
    [{}, /AWS_ACCESS_KEY_ID is not set/],
    [{ AWS_ACCESS_KEY_ID: 'AKIDX', AWS_SECRET_ACCESS_KEY: '' }, /AWS_SECRET_ACCESS_KEY is not set/],
    [{ ...ENV, AWS_ACCESS_KEY_ID: 'canary\r\nx: y' }, /no usable credential/],
  ])('is not asked without a credential in the environment: case %#', async (env, words) => {
    const failed: unknown = await put(early, env).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'refused', message: words })
    expect(String(failed)).not.toContain('canary')
    expect(upstream.requests).toEqual([])
  })
})

describe('a target that is a bucket', () => {
  it.each([
    ['s3://anchors?region=eu-central-1', 'anchors.s3.eu-central-1.amazonaws.com', 443, '/'],
    ['s3://anchors/a/b?region=eu-central-1', 'anchors.s3.eu-central-1.amazonaws.com', 443, '/a/b/'],
    ['s3://my.anchors/a/?region=us-east-1', 's3.us-east-1.amazonaws.com', 443, '/my.anchors/a/'],
    [
      's3://anchors/a?region=us-east-1&endpoint=https://minio.example.com:9000',
      ...(['minio.example.com', 9000, '/anchors/a/'] as const),
    ],
    ['s3://anchors?region=x1&endpoint=http://127.0.0.1:9000', '127.0.0.1', 9000, '/anchors/'],
  ])('%s is understood', (text, ...[hostname, port, path]) => {
    expect(targetOf(text).url).toMatchObject({ hostname, port, path })
  })

  it.each([
    's3:anchors',
    's3://',
    's3://CANARY?region=eu-central-1',
    's3://anchors',
    's3://anchors?region=',
    's3://anchors?region=eu.evil.example/',
    's3://anchors?region=a1&region=a2',
    's3://anchors?region=a1&secret=canary',
    's3://anchors/../canary?region=a1',
    's3://anchors/a//canary?region=a1',
    's3://anchors/%63anary?region=a1',
    's3://anchors?region=a1&endpoint=https://example.com/canary',
    's3://anchors?region=a1&endpoint=https://user:canary@example.com',
    's3://anchors?region=a1&endpoint=http://canary.example.com',
    's3://anchors?region=a1&endpoint=',
    's3://key:canary@anchors?region=a1',
  ])('%j is refused without being quoted', (text) => {
    const target = parseTarget(text)
    expect(target.ok).toBe(false)
    expect(target.ok ? '' : target.error).not.toMatch(/canary/i)
  })
})
