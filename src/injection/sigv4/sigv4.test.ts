import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sha256 } from '../../../test/support/fake-aws.ts'
import { Secret } from '../../secret/secret.ts'
import type { HeaderPair, Outgoing } from '../outgoing.ts'
import { parseAuthorization } from './authorization.ts'
import { sha256, signingKey } from './canonical.ts'
import { ChunkSigner } from './chunks.ts'
import { parsePayload, type Payload } from './payload.ts'
import { signHead, type Signing } from './sign.ts'
import { verifySignature } from './verify.ts'

const NOW = Date.UTC(2026, 0, 31, 23, 59, 59)
const TIME = '20260131T235959Z'
const SECRET = 'phantom-secret'

const fields = new Map([
  ['access_key_id', new Secret('AKIDREAL')],
  ['secret_access_key', new Secret(SECRET)],
])

const unsigned: Payload = { kind: 'unsigned', text: 'UNSIGNED-PAYLOAD' }

const signing: Signing = {
  method: 'GET',
  authority: 'dynamodb.eu-west-1.amazonaws.com',
  region: 'eu-west-1',
  service: 'dynamodb',
  payload: unsigned,
  now: NOW,
}

interface Sent {
  readonly path?: string
  readonly query?: string | undefined
  readonly headers?: readonly HeaderPair[]
}

function sign({ path = '/', query, headers = [] }: Sent, more: Partial<Signing> = {}) {
  const signed = signHead({ path, query, headers }, fields, { ...signing, ...more })
  if (!signed.ok) throw new Error(signed.error.reason)
  return signed.value
}

const valueOf = (headers: readonly HeaderPair[], name: string) =>
  headers.find(([other]) => other.toLowerCase() === name)?.[1] ?? ''

interface Judging {
  readonly method?: string
  readonly authority?: string
  readonly now?: number
  readonly secret?: string
}

/** What a server would say that knows the key. */
function judge({ path, query, headers }: Outgoing, judging: Judging = {}) {
  const { method = 'GET', authority = signing.authority, now = NOW, secret = SECRET } = judging
  const authorization = parseAuthorization(valueOf(headers, 'authorization'))
  if (!authorization) throw new Error('no authorization')
  const lower = headers.map(([name, value]): HeaderPair => [name.toLowerCase(), value])
  return verifySignature(
    {
      ...{ authorization, method, path, query },
      headers: [['host', authority], ...lower],
      payload: valueOf(headers, 'x-amz-content-sha256'),
    },
    secret,
    now,
  )
}

describe('a signed head', () => {
  it('is what its own verification takes, and no other key signed it', () => {
    expect(judge(sign({ path: '/a/b', query: 'x=1' }).outgoing).ok).toBe(true)
    expect(judge(sign({}).outgoing, { secret: 'another' }).ok).toBe(false)
  })

  it.each([14 * 60_000, -14 * 60_000])('is good %d ms from its time', (ms) => {
    expect(judge(sign({}).outgoing, { now: NOW + ms }).ok).toBe(true)
  })

  it.each([16 * 60_000, -16 * 60_000, 24 * 3_600_000])('is not %d ms from its time', (ms) => {
    expect(judge(sign({}).outgoing, { now: NOW + ms })).toEqual({
      ok: false,
      error: 'it was signed too long ago, or ahead of time',
    })
  })

  it('holds nothing that a client put into our places', () => {
    const headers: HeaderPair[] = [
      ['authorization', 'AWS4-HMAC-SHA256 Credential=stale'],
      ['X-AMZ-Date', '20200101T000000Z'],
      ['x-amz-security-token', 'theirs'],
    ]
    const { outgoing } = sign({ headers })
    expect(outgoing.headers.map(([name]) => name)).toEqual([
      'X-Amz-Date',
      'X-Amz-Content-Sha256',
      'Authorization',
    ])
    expect(judge(outgoing).ok).toBe(true)
  })

  it.each<[string, (headers: HeaderPair[]) => HeaderPair[]]>([
    ['an added x-amz- header', (headers) => [...headers, ['X-Amz-Acl', 'public-read']]],
    ['a second date', (headers) => [...headers, ['X-Amz-Date', TIME]]],
    [
      'a signed header that is gone',
      (headers) => headers.filter(([name]) => name !== 'X-Amz-Date'),
    ],
  ])('is refused with %s', (_, change) => {
    const { outgoing } = sign({})
    const headers = change([...outgoing.headers])
    expect(judge({ ...outgoing, headers }).ok).toBe(false)
  })

  it.each(['X-Amz-Date', 'host', 'Content-Type', 'close, x-amz-date'])(
    'is refused where Connection: %s would end one of its headers here',
    (value) => {
      const { outgoing } = sign({})
      const headers: HeaderPair[] = [...outgoing.headers, ['Connection', value]]
      expect(judge({ ...outgoing, headers }).ok).toBe(false)
    },
  )

  it('reads blanks alike, and takes nothing else for a blank', () => {
    const { outgoing } = sign({ headers: [['X-Amz-Meta-A', ' a \t b ']] })
    const having = (value: string): Outgoing => ({
      ...outgoing,
      headers: outgoing.headers.map(([name, old]) => [name, name === 'X-Amz-Meta-A' ? value : old]),
    })
    expect(judge(having('a b')).ok).toBe(true)
    expect(judge(having('a\u00a0b')).ok).toBe(false)
    expect(judge(having('\u00a0a b')).ok).toBe(false)
  })

  it('is refused for another method, host, path or query', () => {
    const { outgoing } = sign({ path: '/a', query: 'x=1' })
    expect(judge(outgoing, { method: 'POST' }).ok).toBe(false)
    expect(judge(outgoing, { authority: 'kms.eu-west-1.amazonaws.com' }).ok).toBe(false)
    expect(judge({ ...outgoing, path: '/b' }).ok).toBe(false)
    expect(judge({ ...outgoing, query: 'x=2' }).ok).toBe(false)
  })

  it('names the field that the credential lacks', () => {
    const bare = { path: '/', query: undefined, headers: [] }
    expect(signHead(bare, new Map(), signing)).toMatchObject({
      error: { reason: 'field_missing', field: 'access_key_id' },
    })
  })

  it('refuses a key id that would end the header', () => {
    const odd = new Map([...fields, ['access_key_id', new Secret('A\r\nX: y')] as const])
    expect(signHead({ path: '/', query: undefined, headers: [] }, odd, signing).ok).toBe(false)
  })
})

describe('against the signer of the AWS SDK', () => {
  // Their signer keeps query fields in a plain object, where this one is no field.
  const name = fc
    .stringMatching(/^[A-Za-z0-9._~ !'()*:@,&=+/?%-]{1,12}$/)
    .filter((text) => text !== '__proto__')

  it.each([
    ['dynamodb', true],
    ['s3', false],
  ])('%s: any path, query and header give the same signature', async (service, uriEscapePath) => {
    const signer = new SignatureV4({
      ...{ service, region: 'eu-west-1', sha256: Sha256, uriEscapePath, applyChecksum: false },
      credentials: { accessKeyId: 'AKIDREAL', secretAccessKey: SECRET, sessionToken: 'session' },
    })
    const withToken = new Map([...fields, ['session_token', new Secret('session')] as const])
    await fc.assert(
      fc.asyncProperty(
        fc.array(name, { maxLength: 4 }),
        fc.dictionary(name, name, { maxKeys: 4 }),
        fc.array(
          fc.tuple(
            fc.stringMatching(/^x-amz-[a-z]{1,8}$/),
            fc.stringMatching(/^[!-~]{1,9}( {1,3}[!-~]{1,9})?$/),
          ),
          { maxLength: 3 },
        ),
        async (segments, fieldsOfQuery, extra) => {
          const path = `/${segments
            .filter((text) => !/^\.+$/.test(text))
            .map(encoded)
            .join('/')}`
          const headers = Object.fromEntries(extra.filter(([key]) => !OWN.has(key)))
          const theirs = await signer.sign(
            {
              ...{ method: 'PUT', protocol: 'https:', hostname: signing.authority, path },
              query: fieldsOfQuery,
              headers: {
                host: signing.authority,
                'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
                ...headers,
              },
            },
            { signingDate: new Date(NOW) },
          )
          const query = Object.entries(fieldsOfQuery)
            .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
            .join('&')
          const ours = signHead(
            { path, query: query === '' ? undefined : query, headers: Object.entries(headers) },
            withToken,
            { ...signing, service, method: 'PUT' },
          )
          if (!ours.ok) throw new Error(ours.error.reason)
          expect(valueOf(ours.value.outgoing.headers, 'authorization')).toBe(
            theirs.headers['authorization'],
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  const OWN = new Set(['x-amz-date'])
  /** As AWS's own clients write a path: nothing but unreserved characters (RFC 3986 2.3). */
  const encoded = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    )
})

describe('an Authorization field', () => {
  const good = `AWS4-HMAC-SHA256 Credential=AKIAPT1/20260131/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'a'.repeat(64)}`

  it('is read', () => {
    expect(parseAuthorization(good)).toMatchObject({
      accessKeyId: 'AKIAPT1',
      scope: { day: '20260131', region: 'eu-west-1', service: 's3' },
      signedHeaders: ['host', 'x-amz-date'],
    })
    expect(parseAuthorization(good.replaceAll(', ', ','))).toBeDefined()
  })

  it.each([
    ['another algorithm', good.replace('AWS4-HMAC', 'AWS4-ECDSA')],
    ['a name twice', good.replace('host;', 'host;host;')],
    ['names out of order', good.replace('host;x-amz-date', 'x-amz-date;host')],
    ['a short signature', good.slice(0, -1)],
    ['something behind it', `${good}, Signature=${'b'.repeat(64)}`],
    ['another ending of the scope', good.replace('aws4_request', 'aws4_other')],
    ['a region that is a host', good.replace('eu-west-1', 'evil.example')],
  ])('is not, with %s', (_, text) => {
    expect(parseAuthorization(text)).toBeUndefined()
  })
})

describe('a payload', () => {
  it.each([
    ['UNSIGNED-PAYLOAD', 'unsigned'],
    ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'unsigned_chunks'],
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'signed_chunks'],
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'signed_chunks'],
    [sha256(Buffer.alloc(0)), 'digest'],
  ])('%s is %s', (text, kind) => {
    expect(parsePayload(text)).toMatchObject({ ok: true, value: { kind, text } })
  })

  it.each([
    'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
    'STREAMING-AWS4-HMAC-SHA256-EVENTS',
    'abc',
    '',
  ])('"%s" is none', (text) => {
    expect(parsePayload(text).ok).toBe(false)
  })
})

describe('signed chunks', () => {
  const scope = { day: '20130524', region: 'us-east-1', service: 's3' }
  const time = '20130524T000000Z'

  /** The example of the S3 documentation: 65 KiB of "a" in chunks of 64 KiB. */
  const example = {
    key: signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope),
    seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    body: Buffer.concat([
      Buffer.from(
        '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n',
      ),
      Buffer.alloc(65_536, 'a'),
      Buffer.from(
        '\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n',
      ),
      Buffer.alloc(1024, 'a'),
      Buffer.from(
        '\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
      ),
    ]),
  }

  const theirs = () => ({ key: example.key, scope, time, signature: example.seed })
  const ours = () => ({
    key: signingKey('real', scope),
    scope,
    time: '20130524T000001Z',
    signature: 'b'.repeat(64),
  })

  function run(signer: ChunkSigner, body: Buffer, sizes: readonly number[]): Buffer | undefined {
    const leaving: Buffer[] = []
    let at = 0
    for (let turn = 0; at < body.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? body.length
      const taken = signer.take(body.subarray(at, at + size))
      if (!taken) return undefined
      leaving.push(taken)
      at += size
    }
    return Buffer.concat(leaving)
  }

  it('of the documentation are taken, cut anywhere, and leave with as many bytes', () => {
    for (const sizes of [[example.body.length], [1000], [65_536, 1], [7, 90_001]]) {
      const signer = new ChunkSigner(theirs(), ours(), false)
      const out = run(signer, example.body, sizes)
      expect(out?.length).toBe(example.body.length)
      expect(signer.isOver).toBe(true)
      // Whoever has our key takes them again; the chain of theirs is back at the end.
      const back = new ChunkSigner(ours(), theirs(), false)
      expect(back.take(out ?? Buffer.alloc(0))?.equals(example.body)).toBe(true)
    }
  })

  it('are not, with any byte changed', () => {
    for (const at of [0, 5, 30, 90, 40_000, 65_700, 66_700, example.body.length - 1]) {
      const body = Buffer.from(example.body)
      body[at] = (body[at] ?? 0) ^ 1
      const signer = new ChunkSigner(theirs(), ours(), false)
      const out = run(signer, body, [body.length])
      expect(out === undefined || !signer.isOver, String(at)).toBe(true)
    }
  })

  it('are not over when the last is missing, and nothing may follow it', () => {
    const cut = new ChunkSigner(theirs(), ours(), false)
    run(cut, example.body.subarray(0, example.body.length - 90), [example.body.length])
    expect(cut.isOver).toBe(false)
    const long = new ChunkSigner(theirs(), ours(), false)
    expect(run(long, Buffer.concat([example.body, Buffer.from('x')]), [99_999])).toBeUndefined()
  })

  it('that claim to be huge are refused at once', () => {
    const signer = new ChunkSigner(theirs(), ours(), false)
    expect(
      signer.take(Buffer.from(`ffffffff;chunk-signature=${'a'.repeat(64)}\r\n`)),
    ).toBeUndefined()
    const endless = new ChunkSigner(theirs(), ours(), false)
    expect(endless.take(Buffer.alloc(2000, 'a'))).toBeUndefined()
  })

  it('with a trailer: verified and signed again', () => {
    // The documentation's example of a trailing checksum.
    const seed = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e'
    const body = Buffer.concat([
      Buffer.from(
        '10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n',
      ),
      Buffer.alloc(65_536, 'a'),
      Buffer.from(
        '\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n',
      ),
      Buffer.alloc(1024, 'a'),
      Buffer.from(
        '\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n' +
          'x-amz-checksum-crc32c:sOO8/Q==\r\n' +
          'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
      ),
    ])
    const signer = new ChunkSigner({ ...theirs(), signature: seed }, ours(), true)
    const out = run(signer, body, [5000])
    expect(out?.length).toBe(body.length)
    expect(signer.isOver).toBe(true)
    const altered = Buffer.from(body.toString('latin1').replace('sOO8', 'sOO9'), 'latin1')
    const refusing = new ChunkSigner({ ...theirs(), signature: seed }, ours(), true)
    expect(run(refusing, altered, [5000])).toBeUndefined()
  })
})
