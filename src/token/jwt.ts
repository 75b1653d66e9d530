/**
 * Phantom tokens as signed JWTs (RFC 9068 `at+jwt`, Ed25519): the grant travels in the token.
 *
 * Only this system mints them, so the reader accepts nothing but its own form: the header must
 * be, character for character, one of the headers that our published keys write, and the payload
 * must be the text that we would write again. So there is no algorithm, key reference, `crit` or
 * duplicate claim to be confused by. Revocation is the gate's question, as for every token.
 */

import { createPublicKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Failure } from '../base/errors.ts'
import { err } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { formatClaims, parseClaims } from './claims.ts'
import type { JwtOrigin, TokenGrant } from './claims.ts'
import { parseJws, verifyJws } from './jws.ts'
import { keyIdOf } from './jwk.ts'

/** Fits into a header block with room to spare; checked before anything is computed. */
export const MAX_JWT_LENGTH = 8192

export type JwtProblem =
  | { readonly reason: 'token_malformed' }
  | { readonly reason: 'token_unknown' }
  | { readonly reason: 'token_wrong_environment' }
  | { readonly reason: 'token_expired'; readonly expiredAt: number }

/**
 * Signs a grant. Times are cut to whole seconds, so the token never outlives the grant. Throws
 * `refused` when it would be too long for a header: ask for fewer scopes, or an opaque token.
 */
export function mintJwt(grant: TokenGrant, key: JwtOrigin & { privateKey: KeyObject }): string {
  const header = headerOf(key.privateKey)
  const payload = encode(JSON.stringify(formatClaims(grant, key)))
  const signature = sign(null, Buffer.from(`${header}.${payload}`), key.privateKey)
  const token = `${header}.${payload}.${signature.toString('base64url')}`
  if (token.length > MAX_JWT_LENGTH) {
    throw new Failure('refused', 'too many scopes for a jwt: issue an opaque token instead')
  }
  return token
}

/** Builds the reader for tokens that one of these keys signed. */
export function createJwtVerifier({
  publicKeys,
  ...origin
}: JwtOrigin & { readonly publicKeys: readonly KeyObject[] }) {
  const keys = new Map(publicKeys.map((key) => [headerOf(key), publicOf(key)]))
  return (text: string, now: number): Result<TokenGrant, JwtProblem> => {
    const jws = parseJws(text, MAX_JWT_LENGTH)
    if (!jws) return err({ reason: 'token_malformed' })
    const key = keys.get(jws.header)
    if (!key || !verifyJws(jws, 'EdDSA', key)) return err({ reason: 'token_unknown' })
    const grant = parseClaims(jws.payload.toString(), origin)
    if (!grant.ok) return grant
    const { expiresAt } = grant.value
    return now < expiresAt ? grant : err({ reason: 'token_expired', expiredAt: expiresAt })
  }
}

function headerOf(key: KeyObject): string {
  return encode(JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid: keyIdOf(key) }))
}

function publicOf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key
}

const encode = (text: string): string => Buffer.from(text).toString('base64url')
