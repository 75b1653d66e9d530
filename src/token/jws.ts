/**
 * Compact JWS (RFC 7515), read and verified strictly: three canonical base64url parts, one
 * asymmetric algorithm per key chosen by the verifier, never by the message (RFC 8725).
 */

import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What we verify. HMAC and `none` are not in the type, RSA is not needed by any of our formats. */
export type JwsAlgorithm = 'EdDSA' | 'ES256'

export interface CompactJws {
  /** The first part as it stood, base64url. */
  readonly header: string
  readonly payload: Buffer
  readonly signature: Buffer
  /** The bytes that are signed. */
  readonly signingInput: string
}

/** Both algorithms' signatures have this length; a DER signature has another. */
const SIGNATURE_BYTES = 64

/** Splits a compact JWS; undefined when a part is missing, empty or not in canonical base64url. */
export function parseJws(text: string, maxLength: number): CompactJws | undefined {
  if (text.length > maxLength) return undefined
  const parts = text.split('.')
  const [header = '', payloadText = '', signatureText = ''] = parts
  if (parts.length !== 3 || decodeBase64url(header) === undefined) return undefined
  const payload = decodeBase64url(payloadText)
  const signature = decodeBase64url(signatureText)
  if (!payload || signature?.length !== SIGNATURE_BYTES) return undefined
  return { header, payload, signature, signingInput: `${header}.${payloadText}` }
}

/** True when the signature is this key's, by the algorithm that belongs to the key. */
export function verifyJws(jws: CompactJws, algorithm: JwsAlgorithm, publicKey: KeyObject): boolean {
  const bytes = Buffer.from(jws.signingInput)
  if (algorithm === 'EdDSA') {
    return (
      publicKey.asymmetricKeyType === 'ed25519' && verify(null, bytes, publicKey, jws.signature)
    )
  }
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
  return verify('sha256', bytes, { key: publicKey, dsaEncoding: 'ieee-p1363' }, jws.signature)
}

/** Bytes of unpadded base64url; undefined for empty text and for every non-canonical spelling. */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length > 0 && bytes.toString('base64url') === text ? bytes : undefined
}
