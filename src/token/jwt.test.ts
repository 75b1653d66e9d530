import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aGrant, NOW } from '../../test/support/grants.ts'
import type { Grant } from '../policy/grant.ts'
import { createJwtVerifier, MAX_JWT_LENGTH, mintJwt } from './jwt.ts'
import { keyIdOf, publishJwks } from './jwk.ts'
import { generateSigningKey } from './keys.ts'

const privateKey = generateSigningKey()
const publicKey = createPublicKey(privateKey)
const origin = { issuer: 'https://proxy.example', environment: 'production' }
const verify = createJwtVerifier({ publicKeys: [publicKey], ...origin })

const encode = (text: string) => Buffer.from(text).toString('base64url')
const decode = (text = '') => Buffer.from(text, 'base64url').toString()
const HEADER = { alg: 'EdDSA', typ: 'at+jwt', kid: keyIdOf(privateKey) }

const token = mintJwt(aGrant(), { privateKey, ...origin })
const [header = '', payload = '', signature = ''] = token.split('.')
const claims = JSON.parse(decode(payload)) as Record<string, unknown>

/** A token with any header and payload text, signed by the right key. */
function signed(headerText: string, payloadText: string): string {
  const input = `${encode(headerText)}.${encode(payloadText)}`
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}

const withHeader = (change: object) =>
  signed(JSON.stringify({ ...HEADER, ...change }), decode(payload))
const withClaims = (change: object) =>
  signed(JSON.stringify(HEADER), JSON.stringify({ ...claims, ...change }))
const withPayload = (text: string) => signed(JSON.stringify(HEADER), text)
const attacker = generateKeyPairSync('ed25519')
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

describe('a phantom JWT', () => {
  it('reads back as the grant it was minted from', () => {
    const grant: Grant = aGrant({
      sessionId: 'ses_1',
      scopes: new Set(['stripe:read', 'github:read']),
      services: ['github', 'stripe'],
      chain: ['tok_a', 'tok_b'],
      bindings: { cidr: ['10.0.0.0/8'], dpop: 'A'.repeat(43), firstUse: true },
      limits: { maxRequests: 3, ratePerSecond: 0.25 },
    })
    const text = mintJwt(grant, { privateKey, ...origin })
    expect(verify(text, NOW)).toEqual({ ok: true, value: grant })
  })

  it('never outlives its grant', () => {
    const text = mintJwt(aGrant({ expiresAt: NOW + 1999 }), { privateKey, ...origin })
    expect(verify(text, NOW)).toMatchObject({ value: { expiresAt: NOW + 1000 } })
  })

  it('TK-07 is good one second before its expiry and dead at it', () => {
    const { expiresAt } = aGrant()
    expect(verify(token, expiresAt - 1000).ok).toBe(true)
    expect(verify(token, expiresAt)).toEqual({
      ok: false,
      error: { reason: 'token_expired', expiredAt: expiresAt },
    })
    expect(verify(token, NaN).ok).toBe(false)
  })

  it('carries the claims of RFC 9068 and a few of ours', () => {
    expect(Object.keys(claims)).toEqual(
      'iss aud sub client_id jti iat exp scope generation chain issuedBy limits'.split(' '),
    )
  })

  it('is refused at minting when it would not fit into a header', () => {
    const scopes = new Set(Array.from({ length: 900 }, (_, n) => `stripe:scope-${n}`))
    expect(() => mintJwt(aGrant({ scopes }), { privateKey, ...origin })).toThrow(/opaque/)
  })
})

describe('TK-06 the JWT verifier refuses', () => {
  const hmacInput = `${encode(JSON.stringify({ ...HEADER, alg: 'HS256' }))}.${payload}`

  it.each([
    ['alg none', `${encode('{"alg":"none"}')}.${payload}.`],
    ['alg none with the signature', withHeader({ alg: 'none' })],
    ['alg None', withHeader({ alg: 'None' })],
    [
      'HS256 keyed with our public key',
      `${hmacInput}.${createHmac('sha256', pem).update(hmacInput).digest('base64url')}`,
    ],
    ['another algorithm name', withHeader({ alg: 'Ed25519' })],
    ['an embedded jwk', withHeader({ jwk: attacker.publicKey.export({ format: 'jwk' }) })],
    ['a jku', withHeader({ jku: 'https://evil.example/jwks' })],
    ['an x5u', withHeader({ x5u: 'https://evil.example/cert' })],
    ['an x5c', withHeader({ x5c: ['AA=='] })],
    ['an unknown crit', withHeader({ crit: ['b64'], b64: false })],
    ['a kid that is a path', withHeader({ kid: '../../dev/null' })],
    ['a kid that is SQL', withHeader({ kid: "x' UNION SELECT 'key" })],
    ['no kid', signed('{"alg":"EdDSA","typ":"at+jwt"}', decode(payload))],
    ['typ JWT', withHeader({ typ: 'JWT' })],
    ['typ application/at+jwt', withHeader({ typ: 'application/at+jwt' })],
    ['no typ', signed(`{"alg":"EdDSA","kid":"${HEADER.kid}"}`, decode(payload))],
    ['a duplicate header member', signed(`{"alg":"none",${JSON.stringify(HEADER).slice(1)}`, '{}')],
    ['a header with spaces', signed(JSON.stringify(HEADER, null, 1), decode(payload))],
    ['no signature', `${header}.${payload}.`],
    ['no signature and no dot', `${header}.${payload}`],
    ['a fourth part', `${token}.${signature}`],
    ['five parts, as JWE has', `${token}.a.b`],
    ['no payload', `${header}..${signature}`],
    ['a padded signature', `${token}==`],
    ['a signature with unused bits', token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'Z')],
    ['a space in front', ` ${token}`],
    ['a line end behind', `${token}\n`],
    ['the attacker as signer', `${header}.${payload}.${signByAttacker()}`],
    [
      'another payload',
      `${header}.${encode(JSON.stringify({ ...claims, sub: 'x' }))}.${signature}`,
    ],
    ['JSON serialization', JSON.stringify({ protected: header, payload, signature })],
    ['nothing', ''],
    ['two dots', '..'],
    ['more than a header holds', `${header}.${'A'.repeat(MAX_JWT_LENGTH)}.${signature}`],
  ])('%s', (_case, text) => {
    expect(verify(text, NOW)).toMatchObject({ ok: false })
  })

  function signByAttacker(): string {
    return sign(null, Buffer.from(`${header}.${payload}`), attacker.privateKey).toString(
      'base64url',
    )
  }

  // Signed by the right key, so only the form of the claims can refuse.
  it.each([
    ['duplicate claims', decode(payload).replace('"sub":', '"sub":"root","sub":')],
    [
      'claims in another order',
      JSON.stringify(Object.fromEntries(Object.entries(claims).reverse())),
    ],
    ['two names for the agent', JSON.stringify({ ...claims, client_id: 'other' })],
    ['an unknown claim', JSON.stringify({ ...claims, admin: true })],
    ['AD-03 a prototype', decode(payload).replace('{', '{"__proto__":{"admin":true},')],
    ['spaces', JSON.stringify(claims, null, 1)],
    ['an array', '[]'],
    ['no JSON', 'no'],
    ['bytes that are no UTF-8', '\ud800'],
  ])('%s', (_case, text) => {
    expect(verify(withPayload(text), NOW)).toEqual({
      ok: false,
      error: { reason: 'token_malformed' },
    })
  })

  it.each([
    ['DL-04 exp as text', { exp: String(claims['exp']) }],
    ['DL-04 exp as a fraction', { exp: 1e10 + 0.5 }],
    ['DL-04 a negative exp', { exp: -1 }],
    ['DL-04 an endless exp', { exp: 1e300 }],
    ['no exp', { exp: undefined }],
    ['scope as a list', { scope: ['stripe:read'] }],
    ['SC-15 scope with a line end', { scope: 'stripe:read\nadmin' }],
    ['an empty scope', { scope: '' }],
    ['aud as a list', { aud: [claims['aud'], 'other'] }],
    ['limits of zero', { limits: { maxRequests: 0 } }],
    ['an empty list of ranges', { cidr: [] }],
    ['firstUse false', { firstUse: false }],
  ])('%s', (_case, change) => {
    expect(verify(withClaims(change), NOW)).toEqual({
      ok: false,
      error: { reason: 'token_malformed' },
    })
  })

  it('another issuer, and a token of another environment', () => {
    expect(verify(withClaims({ iss: 'https://evil.example' }), NOW)).toMatchObject({
      error: { reason: 'token_unknown' },
    })
    const staging = mintJwt(aGrant(), { privateKey, ...origin, environment: 'staging' })
    expect(verify(staging, NOW)).toMatchObject({ error: { reason: 'token_wrong_environment' } })
  })

  it('whatever is changed in a good token, and never throws', () => {
    const place = fc.integer({ min: 0, max: token.length - 1 })
    fc.assert(
      fc.property(place, fc.string({ maxLength: 3 }), (at, text) => {
        const changed = token.slice(0, at) + text + token.slice(at + 1)
        return changed === token || !verify(changed, NOW).ok
      }),
      { numRuns: 1000 },
    )
    fc.assert(fc.property(fc.string(), (text) => !verify(text, NOW).ok))
  })
})

describe('published keys', () => {
  it('hold the public half only, and verify', () => {
    const { keys } = publishJwks([privateKey])
    expect(keys).toEqual([
      {
        crv: 'Ed25519',
        kty: 'OKP',
        x: publicKey.export({ format: 'jwk' }).x,
        kid: HEADER.kid,
        use: 'sig',
        alg: 'EdDSA',
      },
    ])
    const jwk = { ...keys[0] }
    const imported = createPublicKey({ key: jwk, format: 'jwk' })
    expect(createJwtVerifier({ publicKeys: [imported], ...origin })(token, NOW).ok).toBe(true)
  })

  it('let an old and a new key overlap', () => {
    const next = generateSigningKey()
    const both = createJwtVerifier({ publicKeys: [publicKey, createPublicKey(next)], ...origin })
    expect(both(token, NOW).ok).toBe(true)
    expect(both(mintJwt(aGrant(), { privateKey: next, ...origin }), NOW).ok).toBe(true)
    expect(verify(mintJwt(aGrant(), { privateKey: next, ...origin }), NOW)).toMatchObject({
      error: { reason: 'token_unknown' },
    })
  })
})
