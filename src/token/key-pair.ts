/**
 * The phantom as a key pair of AWS, for clients that sign instead of sending a key: the key id names
 * the token, the secret is derived for it. Neither is stored, and the token itself never travels.
 */

import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export interface KeyPair {
  /** `AKIAPT` and the 20 characters of the token's id. */
  readonly accessKeyId: string
  /** 40 characters of base64, as AWS's own. */
  readonly secretAccessKey: string
}

const KEY_ID = /^AKIAPT([0-9A-Za-z]{20})$/
const SECRET_BYTES = 30

/** Pairs of tokens by their public id (`tok_...`); the key is a sub-key of `grant-mac`. */
export function createKeyPairs(key: KeyObject): (tokenId: string) => KeyPair {
  return (tokenId) => ({
    accessKeyId: `AKIAPT${tokenId.slice('tok_'.length)}`,
    secretAccessKey: createHmac('sha256', key)
      .update(tokenId)
      .digest()
      .subarray(0, SECRET_BYTES)
      .toString('base64'),
  })
}

/** The token that a key id names; undefined for every other key id. */
export function tokenIdOf(accessKeyId: string): string | undefined {
  const [, id] = KEY_ID.exec(accessKeyId) ?? []
  return id === undefined ? undefined : `tok_${id}`
}
