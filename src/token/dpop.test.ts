import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NOW } from '../../test/support/grants.ts'
import { PROOF_AGE_SECONDS, PROOF_SKEW_SECONDS, verifyDpop } from './dpop.ts'
import type { DpopRequest } from './dpop.ts'
import { parsePublicJwk } from './jwk.ts'
import { createReplay } from './replay.ts'

interface Signer {
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
  readonly alg: string
}

const ES256: Signer = signerOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256')
const EDDSA: Signer = signerOf(generateKeyPairSync('ed25519'), 'EdDSA')

function signerOf(pair: { publicKey: KeyObject; privateKey: KeyObject }, alg: string): Signer {
  return { privateKey: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }) }, alg }
}

const TOKEN = 'pt_live_0123456789ABCDEFGHIJabcdefghij4Us3aw'
const URL_OF_DOOR = 'http://localhost:8900/stripe/v1/charges'
const encode = (text: string) => Buffer.from(text).toString('base64url')

const CLAIMS = {
  jti: 'one',
  htm: 'POST',
  htu: URL_OF_DOOR,
  iat: NOW / 1000,
  ath: createHash('sha256').update(TOKEN).digest('base64url'),
}

function proofText(signer: Signer, header: string, payload: string): string {
  const input = `${encode(header)}.${encode(payload)}`
  const bytes = Buffer.from(input)
  const signature =
    signer.alg === 'EdDSA'
      ? sign(null, bytes, signer.privateKey)
      : sign('sha256', bytes, { key: signer.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

function proof(signer = ES256, claims: object = {}, header: object = {}): string {
  const { alg, jwk } = signer
  return proofText(
    signer,
    JSON.stringify({ typ: 'dpop+jwt', alg, jwk, ...header }),
    JSON.stringify({ ...CLAIMS, ...claims }),
  )
}

function request(change: Partial<DpopRequest> = {}, signer = ES256): DpopRequest {
  return {
    proofs: [proof(signer)],
    method: 'POST',
    url: `${URL_OF_DOOR}?limit=1`,
    token: TOKEN,
    jkt: parsePublicJwk(signer.jwk)!.thumbprint,
    now: NOW,
    replay: createReplay(10),
    ...change,
  }
}

describe('TK-05 a DPoP proof', () => {
  it.each([ES256, EDDSA])('is accepted with $alg', async (signer) => {
    expect(await verifyDpop(request({}, signer))).toEqual({ ok: true, value: undefined })
  })

  it('is accepted with the optional members that key libraries add', async () => {
    const jwk = { ...ES256.jwk, kid: 'k', use: 'sig', alg: 'ES256', key_ops: ['verify'] }
    expect((await verifyDpop(request({ proofs: [proof(ES256, {}, { jwk })] }))).ok).toBe(true)
  })

  it('is accepted once', async () => {
    const replay = createReplay(10)
    expect((await verifyDpop(request({ replay }))).ok).toBe(true)
    expect(await verifyDpop(request({ replay }))).toMatchObject({ error: 'replayed' })
    // Past its window the memory may forget it, because its time refuses it then.
    const later = NOW + PROOF_AGE_SECONDS * 1000
    expect(await verifyDpop(request({ replay, now: later }))).toMatchObject({ error: 'replayed' })
    expect(await verifyDpop(request({ replay, now: later + 1 }))).toMatchObject({
      error: 'wrong_time',
    })
  })

  it('that is wrong uses up no memory', async () => {
    const replay = createReplay(1)
    expect((await verifyDpop(request({ replay, method: 'GET' }))).ok).toBe(false)
    expect((await verifyDpop(request({ replay }))).ok).toBe(true)
  })

  it.each<[string, Partial<DpopRequest>, string]>([
    ['no proof', { proofs: [] }, 'missing'],
    ['two proofs', { proofs: [proof(), proof(ES256, { jti: 'two' })] }, 'several'],
    ['an empty header field', { proofs: [''] }, 'malformed'],
    ['two proofs in one field', { proofs: [`${proof()},${proof()}`] }, 'malformed'],
    ['a very long proof', { proofs: [proof(ES256, { jti: 'x'.repeat(5000) })] }, 'malformed'],
    ['a long jti', { proofs: [proof(ES256, { jti: 'x'.repeat(257) })] }, 'malformed'],
    ['no jti', { proofs: [proof(ES256, { jti: undefined })] }, 'malformed'],
    ['an iat of text', { proofs: [proof(ES256, { iat: '1' })] }, 'malformed'],
    ['an unknown crit', { proofs: [proof(ES256, {}, { crit: ['x'], x: 1 })] }, 'malformed'],
    ['typ JWT', { proofs: [proof(ES256, {}, { typ: 'JWT' })] }, 'malformed'],
    ['alg none', { proofs: [proof(ES256, {}, { alg: 'none' })] }, 'malformed'],
    ['the other algorithm', { proofs: [proof(ES256, {}, { alg: 'EdDSA' })] }, 'malformed'],
    [
      'a private key',
      { proofs: [proof(ES256, {}, { jwk: { ...ES256.jwk, d: 'AA' } })] },
      'malformed',
    ],
    [
      'a symmetric key',
      { proofs: [proof(ES256, {}, { jwk: { kty: 'oct', k: 'AA' } })] },
      'malformed',
    ],
    [
      'a key for encryption',
      { proofs: [proof(ES256, {}, { jwk: { ...ES256.jwk, use: 'enc' } })] },
      'malformed',
    ],
    [
      'a point off the curve',
      { proofs: [proof(ES256, {}, { jwk: { ...ES256.jwk, y: ES256.jwk['x'] } })] },
      'malformed',
    ],
    ['a duplicate claim', { proofs: [doubledClaim()] }, 'malformed'],
    ['another key', { proofs: [proof(EDDSA)] }, 'wrong_key'],
    [
      "another key's signature",
      { proofs: [proof({ ...signerLike(ES256), jwk: ES256.jwk })] },
      'bad_signature',
    ],
    ['another method', { method: 'GET' }, 'wrong_method'],
    ['the method in lower case', { proofs: [proof(ES256, { htm: 'post' })] }, 'wrong_method'],
    ['another path', { url: 'http://localhost:8900/stripe/v1/refunds' }, 'wrong_url'],
    ['another port', { url: 'http://localhost:8901/stripe/v1/charges' }, 'wrong_url'],
    ['another scheme', { url: 'https://localhost:8900/stripe/v1/charges' }, 'wrong_url'],
    ['a URL that is none', { url: 'nowhere' }, 'wrong_url'],
    ['a proof from long ago', { now: NOW + PROOF_AGE_SECONDS * 1000 + 1 }, 'wrong_time'],
    ['a proof from the future', { now: NOW - PROOF_SKEW_SECONDS * 1000 - 1 }, 'wrong_time'],
    ['a clock that is NaN', { now: NaN }, 'wrong_time'],
    ['another token', { token: 'pt_live_other' }, 'wrong_token'],
    ['no ath', { proofs: [proof(ES256, { ath: undefined })] }, 'wrong_token'],
  ])('is refused: %s', async (_case, change, problem) => {
    expect(await verifyDpop(request(change))).toEqual({ ok: false, error: problem })
  })

  it('never throws on noise', async () => {
    const noise = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.jsonValue(), fc.jsonValue())
        .map(([header, payload]) =>
          proofText(ES256, JSON.stringify(header), JSON.stringify(payload)),
        ),
    )
    await fc.assert(
      fc.asyncProperty(noise, async (text) => !(await verifyDpop(request({ proofs: [text] }))).ok),
    )
  })
})

function signerLike(signer: Signer): Signer {
  return signerOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }), signer.alg)
}

function doubledClaim(): string {
  const { alg, jwk } = ES256
  const claims = JSON.stringify(CLAIMS)
  return proofText(
    ES256,
    JSON.stringify({ typ: 'dpop+jwt', alg, jwk }),
    `{"htm":"GET",${claims.slice(1)}`,
  )
}
