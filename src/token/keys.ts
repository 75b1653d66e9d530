/**
 * The keys behind tokens: one random `grant-mac` with sub-keys for each use, and the Ed25519
 * pair that signs JWTs. Text forms are what stands in the key files; reading files is not ours.
 */

import { createPrivateKey, createSecretKey, generateKeyPairSync, hkdfSync } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const GRANT_MAC_BYTES = 32

/** One per use, so that a value made for one can never stand in for another. */
export type DerivedKeys = Readonly<
  Record<'digest' | 'grantRow' | 'cursor' | 'auditHash' | 'keyPair', KeyObject>
>

export function generateGrantMac(): Buffer {
  return randomBytes(GRANT_MAC_BYTES)
}

/** 43 base64url characters, and a line end. */
export function formatGrantMac(key: Buffer): string {
  return `${key.toString('base64url')}\n`
}

/** Reads a key file's text; undefined unless it is exactly 32 bytes in canonical base64url. */
export function parseGrantMac(text: string): Buffer | undefined {
  const line = text.trimEnd()
  const key = Buffer.from(line, 'base64url')
  return key.length === GRANT_MAC_BYTES && key.toString('base64url') === line ? key : undefined
}

/** HKDF-SHA-256 (RFC 5869); the info string names the use. */
export function deriveKeys(grantMac: Buffer): DerivedKeys {
  const derive = (use: string) =>
    createSecretKey(
      Buffer.from(hkdfSync('sha256', grantMac, '', `apistronghold/1/${use}`, GRANT_MAC_BYTES)),
    )
  return {
    digest: derive('token-digest'),
    grantRow: derive('grant-row'),
    cursor: derive('cursor'),
    auditHash: derive('audit-hash'),
    keyPair: derive('key-pair'),
  }
}

export function generateSigningKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

/** PKCS#8 PEM. */
export function formatSigningKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Reads an unencrypted Ed25519 private key; undefined for everything else. */
export function parseSigningKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey({ key: pem, format: 'pem' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}
