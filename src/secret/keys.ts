/**
 * The keys of the built-in vault: an age identity that opens, an Ed25519 key that seals.
 *
 * `generate...` gives text for a key file; `parse...` reads one back. The public halves
 * (`age1...`, `ed25519:...`) stand in the configuration.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { Failure } from '../base/errors.ts'
import { err, ok, type Result } from '../base/result.ts'
import { hasBech32Checksum } from './bech32.ts'
import { Secret } from './secret.ts'

export interface VaultIdentity {
  /** `AGE-SECRET-KEY-1...` */
  readonly identity: Secret
  /** `age1...`: what envelopes are encrypted to. */
  readonly recipient: string
}

const IDENTITY = /^AGE-SECRET-KEY-1[0-9A-Z]{58}$/
const RECIPIENT = /^age1[0-9a-z]{58}$/
const SEALER_PREFIX = 'ed25519:'
const RAW_KEY = /^[A-Za-z0-9_-]{43}$/

/** Text for `vault.key`, in the form that `age-keygen` writes, and its public half. */
export async function generateVaultIdentity(): Promise<{ text: string; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await loadAge()
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  return { text: `# public key: ${recipient}\n${identity}\n`, recipient }
}

/** Reads a file of `age-keygen`: comments, and exactly one X25519 identity. Throws `key_invalid`. */
export async function parseVaultIdentity(text: string): Promise<VaultIdentity> {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'))
  const [identity, ...others] = lines
  if (identity === undefined || others.length > 0 || !IDENTITY.test(identity))
    throw new Failure('key_invalid', 'the vault key is not one age identity')
  const { identityToRecipient } = await loadAge()
  const recipient = await identityToRecipient(identity).catch(() => undefined)
  // The library's error may quote its input, so it does not become the cause.
  if (recipient === undefined) throw new Failure('key_invalid', 'the vault key has a typing error')
  return { identity: new Secret(identity), recipient }
}

/** True for a native X25519 recipient with a good checksum. */
export function isRecipient(text: string): boolean {
  return RECIPIENT.test(text) && hasBech32Checksum(text, 'age')
}

/** A fresh sealing key: PKCS#8 PEM text for `sealer.key`, and its public form. */
export function generateSealerKey(): { pem: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { pem, publicKey: sealerPublicKey(privateKey) }
}

/** Throws `key_invalid` unless the text is an Ed25519 private key in PEM. */
export function parseSealerKey(pem: string): KeyObject {
  const key = readPrivateKey(pem)
  if (key?.asymmetricKeyType !== 'ed25519')
    throw new Failure('key_invalid', 'the sealing key is not an Ed25519 private key in PEM')
  return key
}

/** The public half of either key as it stands in `vault.sealers`: `ed25519:` and 43 characters. */
export function sealerPublicKey(key: KeyObject): string {
  const { x } = createPublicKeyOf(key).export({ format: 'jwk' })
  return `${SEALER_PREFIX}${x ?? ''}`
}

export function parseSealerPublicKey(text: string): Result<KeyObject, { problem: string }> {
  const x = text.startsWith(SEALER_PREFIX) ? text.slice(SEALER_PREFIX.length) : ''
  // The round trip refuses a last character whose unused bits are set: one key, one spelling.
  const isCanonical = RAW_KEY.test(x) && Buffer.from(x, 'base64url').toString('base64url') === x
  if (!isCanonical)
    return err({ problem: 'a sealing key is written as ed25519: and 43 characters of base64url' })
  return ok(createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }))
}

function createPublicKeyOf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key
}

function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    return undefined
  }
}

/** Takes a tenth of a second to load, which most commands need not spend. */
const loadAge = () => import('age-encryption')
