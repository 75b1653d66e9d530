/** JSON Web Tokens (RFC 7519) that a private key of the stored credential signs with RS256. */

import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { Failure } from '../../base/errors.ts'
import type { Fields } from './mint.ts'

export interface Assertion {
  readonly claims: JWTPayload
  /** Epoch milliseconds. */
  readonly now: number
  readonly lifeSeconds: number
}

/** A verifier's clock may be that far behind. */
const LEEWAY_SECONDS = 60

/** Throws `secret_invalid` unless `private_key` is an RSA key in PEM, PKCS#1 or PKCS#8. */
export async function signAssertion(fields: Fields, assertion: Assertion): Promise<string> {
  const key = privateKeyOf(fields)
  const { SignJWT } = await import('jose')
  const issuedAt = Math.floor(assertion.now / 1000) - LEEWAY_SECONDS
  return new SignJWT(assertion.claims)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + assertion.lifeSeconds)
    .sign(key)
}

function privateKeyOf(fields: Fields): KeyObject {
  try {
    const key = createPrivateKey(textOf(fields, 'private_key'))
    if (key.asymmetricKeyType === 'rsa') return key
  } catch {
    // What OpenSSL says may quote the key.
  }
  throw new Failure('secret_invalid', 'its private_key is no RSA key in PEM without a passphrase')
}

/** Throws `secret_invalid` when there is no such field. */
export function textOf(fields: Fields, name: string): string {
  const value = fields.get(name)?.reveal()
  if (value === undefined) throw new Failure('secret_invalid', `it has no field ${name}`)
  return value
}
