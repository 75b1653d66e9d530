/** Under what a token is stored: a keyed digest, so that a stolen database holds no token. */

import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/**
 * HMAC-SHA-256 of a token's whole text, base64url. Equality of digests is the only comparison
 * that a look-up makes, so its time tells nothing about how much of a guess was right.
 */
export function createTokenDigest(key: KeyObject): (token: string) => string {
  return (token) => createHmac('sha256', key).update(token).digest('base64url')
}
