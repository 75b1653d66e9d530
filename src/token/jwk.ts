/** Public keys as JWK (RFC 7517), their thumbprints (RFC 7638), and the set that we publish. */

import { createHash, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isObject } from './json.ts'
import { decodeBase64url } from './jws.ts'
import type { JwsAlgorithm } from './jws.ts'

export interface PublicJwk {
  readonly key: KeyObject
  readonly algorithm: JwsAlgorithm
  readonly thumbprint: string
}

export interface Jwks {
  readonly keys: readonly Readonly<Record<string, string>>[]
}

/** Members that make a JWK private or symmetric; such a key must never be sent to us. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Reads a public P-256 or Ed25519 key that may verify signatures; undefined for anything else. */
export function parsePublicJwk(value: unknown): PublicJwk | undefined {
  if (!isObject(value) || SECRET_MEMBERS.some((member) => Object.hasOwn(value, member))) {
    return undefined
  }
  const form = formOf(value)
  if (!form || !mayVerify(value, form.algorithm)) return undefined
  try {
    const key = createPublicKey({ key: form.required, format: 'jwk' })
    return { key, algorithm: form.algorithm, thumbprint: thumbprintOf(form.required) }
  } catch {
    return undefined
  }
}

/** The thumbprint by which a signing key is named (`kid`). */
export function keyIdOf(key: KeyObject): string {
  return thumbprintOf(requiredMembersOf(key))
}

/** The JWKS document: public halves only, whatever halves come in. */
export function publishJwks(keys: readonly KeyObject[]): Jwks {
  return {
    keys: keys.map((key) => ({
      ...requiredMembersOf(key),
      kid: keyIdOf(key),
      use: 'sig',
      alg: 'EdDSA',
    })),
  }
}

type Members = Readonly<Record<string, string>>

/** Required members in lexical order, as RFC 7638 hashes them. */
function formOf(jwk: Readonly<Record<string, unknown>>) {
  const { kty, crv, x, y } = jwk
  if (!isCoordinate(x)) return undefined
  if (kty === 'OKP' && crv === 'Ed25519') {
    return { algorithm: 'EdDSA', required: { crv, kty, x } } as const
  }
  if (kty !== 'EC' || crv !== 'P-256' || !isCoordinate(y)) return undefined
  return { algorithm: 'ES256', required: { crv, kty, x, y } } as const
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && decodeBase64url(value)?.length === 32
}

function mayVerify(jwk: Readonly<Record<string, unknown>>, algorithm: JwsAlgorithm): boolean {
  const { use = 'sig', key_ops: operations = ['verify'], alg = algorithm } = jwk
  if (use !== 'sig' || alg !== algorithm) return false
  return Array.isArray(operations) && operations.includes('verify')
}

function thumbprintOf(required: Members): string {
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}

function requiredMembersOf(key: KeyObject): Members {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  const { crv = '', kty = '', x = '' } = publicKey.export({ format: 'jwk' })
  return { crv, kty, x }
}
