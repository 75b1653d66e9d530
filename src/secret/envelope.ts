/**
 * The sealed envelope: a secret encrypted to the vault (age) and signed by an operator (Ed25519).
 *
 * One line of JSON, `{v, sealer, ciphertext, signature}`. What it is for (environment, name,
 * version, origins) is inside the ciphertext, so neither the control plane nor whoever can
 * write its database can move a secret to another name, environment or destination.
 */

import { sign, verify, type KeyObject } from 'node:crypto'
import { Failure } from '../base/errors.ts'
import { err, ok, type Result } from '../base/result.ts'
import {
  decodeEnvelope,
  decodePayload,
  encodeEnvelope,
  encodePayload,
  type Envelope,
  type SealedPayload,
} from './envelope-text.ts'
import type { Secret } from './secret.ts'

export type EnvelopeProblem =
  | { readonly reason: 'envelope_malformed' }
  /** Signed by nobody whom the configuration lists. */
  | { readonly reason: 'sealer_unknown'; readonly sealer: string }
  | { readonly reason: 'signature_invalid'; readonly sealer: string }
  /** Encrypted to another vault, or damaged. */
  | { readonly reason: 'not_decryptable' }
  | { readonly reason: 'payload_malformed' }
  | { readonly reason: 'environment_mismatch' }
  | { readonly reason: 'name_mismatch' }
  /** Below the highest version that was opened: somebody put an old envelope back. */
  | { readonly reason: 'version_rolled_back'; readonly version: number; readonly minimum: number }

/** Public sealing keys by operator name, as `vault.sealers` lists them. */
export type Sealers = ReadonlyMap<string, KeyObject>

export interface Sealing {
  readonly payload: SealedPayload
  /** `age1...` */
  readonly recipient: string
  readonly sealer: { readonly name: string; readonly privateKey: KeyObject }
}

export interface Unsealing {
  /** `AGE-SECRET-KEY-1...` */
  readonly identity: Secret
  readonly sealers: Sealers
  readonly env: string
  readonly name: string
  /** The highest version opened so far for this name; 0 when none was. */
  readonly minimumVersion: number
}

/** Separates these signatures from any other that the same key might ever make. */
const CONTEXT = Buffer.from('apistronghold envelope v1\0')

/** Throws `secret_invalid` when the payload or the sealer's name is outside the format. */
export async function seal({ payload, recipient, sealer }: Sealing): Promise<string> {
  const { Encrypter } = await loadAge()
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const ciphertext = Buffer.from(await encrypter.encrypt(encodePayload(payload)))
  const signature = sign(null, signedBytes(sealer.name, ciphertext), sealer.privateKey)
  return encodeEnvelope({ sealer: sealer.name, ciphertext, signature })
}

/** Checks form and signature only; needs no private key, so a control plane can ask it as well. */
export function verifyEnvelope(text: string, sealers: Sealers): Result<Envelope, EnvelopeProblem> {
  const envelope = decodeEnvelope(text)
  if (envelope === undefined) return err({ reason: 'envelope_malformed' })
  const { sealer, ciphertext, signature } = envelope
  const key = sealers.get(sealer)
  if (key === undefined) return err({ reason: 'sealer_unknown', sealer })
  if (!verify(null, signedBytes(sealer, ciphertext), key, signature))
    return err({ reason: 'signature_invalid', sealer })
  return ok(envelope)
}

/** Opens an envelope. Nothing is decrypted before its signature was found good. */
export async function unseal(
  text: string,
  expected: Unsealing,
): Promise<Result<SealedPayload, EnvelopeProblem>> {
  const verified = verifyEnvelope(text, expected.sealers)
  if (!verified.ok) return verified
  const plaintext = await decrypt(verified.value.ciphertext, expected.identity)
  if (plaintext === undefined) return err({ reason: 'not_decryptable' })
  const payload = decodePayload(plaintext)
  plaintext.fill(0)
  if (payload === undefined) return err({ reason: 'payload_malformed' })
  return checkPurpose(payload, expected)
}

function checkPurpose(
  payload: SealedPayload,
  expected: Unsealing,
): Result<SealedPayload, EnvelopeProblem> {
  const { version } = payload
  const minimum = expected.minimumVersion
  if (payload.env !== expected.env) return err({ reason: 'environment_mismatch' })
  if (payload.name !== expected.name) return err({ reason: 'name_mismatch' })
  if (version < minimum) return err({ reason: 'version_rolled_back', version, minimum })
  return ok(payload)
}

async function decrypt(ciphertext: Buffer, identity: Secret): Promise<Uint8Array | undefined> {
  const { Decrypter } = await loadAge()
  const decrypter = new Decrypter()
  try {
    decrypter.addIdentity(identity.reveal())
  } catch {
    throw new Failure('key_invalid', 'the vault key is not an age identity')
  }
  return decrypter.decrypt(ciphertext).catch(() => undefined)
}

/** The name goes in with its length, so that no other name and ciphertext give the same bytes. */
function signedBytes(sealer: string, ciphertext: Buffer): Buffer {
  const name = Buffer.from(sealer)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(name.length)
  return Buffer.concat([CONTEXT, length, name, ciphertext])
}

/** Loaded when it is first needed: most commands seal and open nothing. */
const loadAge = () => import('age-encryption')
