/** The keys of an environment as files: each written once, and never over an existing one. */

import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../base/errors.ts'
import {
  generateSealerKey,
  generateVaultIdentity,
  parseSealerKey,
  parseVaultIdentity,
  type VaultIdentity,
} from '../secret/keys.ts'
import { isSealerName } from '../secret/names.ts'
import type { StateDirectory } from '../state-dir.ts'
import {
  formatGrantMac,
  formatSigningKey,
  generateGrantMac,
  generateSigningKey,
  parseGrantMac,
  parseSigningKey,
} from '../token/keys.ts'
import { mintToken, parseToken, tokenModeOf } from '../token/token.ts'
import { writeOnce } from './durable-file.ts'
import { readPrivateFile } from './privacy.ts'

/** What `serve` needs. */
export interface ServerKeys {
  /** 32 bytes: parent of the token-digest, grant-row, cursor and audit-hash keys. */
  readonly grantMac: Buffer
  readonly tokenSigning: KeyObject
  readonly auditSigning: KeyObject
  readonly vault: VaultIdentity
}

/** Who administers from this machine; `serve` makes the first admin of it. */
export interface LocalOperator {
  readonly name: string
  /** `ok_...`: never print it. */
  readonly key: string
}

export interface KeyWishes {
  readonly environment: string
  readonly operator: string
  /** PKCS#8 PEM of an Ed25519 key to sign JWTs with, instead of a fresh one. */
  readonly signingKey?: string | undefined
}

const FILES = {
  grantMac: 'grant-mac',
  tokenSigning: 'token-signing.pem',
  auditSigning: 'audit-signing.pem',
  vault: 'vault.key',
  sealer: 'sealer.key',
  operatorKey: 'operator.key',
  operatorName: 'operator.name',
} as const

const pathOf = (state: StateDirectory, key: keyof typeof FILES) => join(state.keys, FILES[key])

/** The keys that were missing and are now there, by file name; safe to repeat. */
export async function createKeys(state: StateDirectory, wishes: KeyWishes): Promise<string[]> {
  const makers: Readonly<Record<keyof typeof FILES, () => string | Promise<string>>> = {
    grantMac: () => formatGrantMac(generateGrantMac()),
    tokenSigning: () => wishes.signingKey ?? formatSigningKey(generateSigningKey()),
    auditSigning: () => formatSigningKey(generateSigningKey()),
    vault: async () => (await generateVaultIdentity()).text,
    sealer: () => generateSealerKey().pem,
    // The name first: a key without one would make an operator that nobody can name.
    operatorName: () => `${wishes.operator}\n`,
    operatorKey: () => `${mintToken('ok', tokenModeOf(wishes.environment))}\n`,
  }
  refuseLostKeys(state)
  refuseOtherSigningKey(state, wishes)
  const written: string[] = []
  for (const key of Object.keys(makers) as (keyof typeof FILES)[]) {
    if (readPrivateFile(pathOf(state, key)) !== undefined) continue
    if (writeOnce(pathOf(state, key), await makers[key]())) written.push(FILES[key])
  }
  return written
}

/**
 * A fresh key beside an old database would lock everybody out: every digest and every row's MAC
 * was made with the lost one.
 */
function refuseLostKeys(state: StateDirectory): void {
  if (!existsSync(state.database)) return
  for (const key of ['grantMac', 'vault'] as const)
    if (readPrivateFile(pathOf(state, key)) === undefined)
      throw new Failure(
        'key_missing',
        `${pathOf(state, key)} is missing, and ${state.database} cannot be used without it: restore it from a backup`,
      )
}

/** Throws `key_invalid` unless the text is a key that JWTs can be signed with. */
export function checkSigningKey(pem: string): void {
  if (!parseSigningKey(pem))
    throw new Failure(
      'key_invalid',
      'the signing key must be an Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` writes it, without a passphrase',
    )
}

function refuseOtherSigningKey(state: StateDirectory, { signingKey }: KeyWishes): void {
  if (signingKey === undefined) return
  checkSigningKey(signingKey)
  const present = readPrivateFile(pathOf(state, 'tokenSigning'))
  const wanted = parseSigningKey(signingKey)
  if (present === undefined || wanted?.equals(parseSigningKey(present) ?? wanted)) return
  throw new Failure(
    'refused',
    `there is another signing key already (${pathOf(state, 'tokenSigning')}), and it is never overwritten: move it away first if its tokens may die`,
  )
}

/** Throws `key_missing` or `key_invalid`; the message names the file and never its content. */
export async function readServerKeys(state: StateDirectory): Promise<ServerKeys> {
  return {
    grantMac: parsed(state, 'grantMac', parseGrantMac),
    tokenSigning: parsed(state, 'tokenSigning', parseSigningKey),
    auditSigning: parsed(state, 'auditSigning', parseSigningKey),
    vault: await parseVaultIdentity(textOf(state, 'vault')),
  }
}

/** The public half of the vault's key; undefined when there is none here. */
export async function readVaultRecipient(state: StateDirectory): Promise<string | undefined> {
  const text = readPrivateFile(pathOf(state, 'vault'))
  return text === undefined ? undefined : (await parseVaultIdentity(text)).recipient
}

/** This machine's sealing key; `secret set` needs nothing else of the state directory. */
export function readSealerKey(state: StateDirectory): KeyObject {
  return parseSealerKey(textOf(state, 'sealer'))
}

/** Undefined on a data plane that nobody administers from. */
export function readLocalOperator(state: StateDirectory): LocalOperator | undefined {
  const key = readPrivateFile(pathOf(state, 'operatorKey'))?.trim()
  const name = readPrivateFile(pathOf(state, 'operatorName'))?.trim()
  if (key === undefined || name === undefined) return undefined
  if (parseToken(key)?.kind !== 'ok' || !isSealerName(name))
    throw new Failure('key_invalid', `${pathOf(state, 'operatorKey')} holds no operator key`)
  return { name, key }
}

function parsed<T>(
  state: StateDirectory,
  key: keyof typeof FILES,
  parse: (text: string) => T | undefined,
): T {
  const value = parse(textOf(state, key))
  if (value === undefined)
    throw new Failure('key_invalid', `${pathOf(state, key)} is damaged: restore it from a backup`)
  return value
}

function textOf(state: StateDirectory, key: keyof typeof FILES): string {
  const text = readPrivateFile(pathOf(state, key))
  if (text === undefined)
    throw new Failure(
      'key_missing',
      existsSync(state.database)
        ? `${pathOf(state, key)} is missing: restore it from a backup`
        : `${pathOf(state, key)} is missing: run \`apistronghold init\` again`,
    )
  return text
}
