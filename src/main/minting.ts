/** The token desk of a server: asks as the data plane does, and seals rotated refresh tokens back. */

import { newRequestId } from '../base/ids.ts'
import { systemNow } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { createAsk } from '../network/ask.ts'
import { createDial } from '../network/dial.ts'
import { seal, unseal } from '../secret/envelope.ts'
import type { SealedPayload } from '../secret/envelope-text.ts'
import type { CredentialSource } from '../secret/credential-source.ts'
import type { TokenDesk } from '../secret/handed-token.ts'
import type { SealedSecret, SealedStore } from '../secret/sealed-store.ts'
import type { Secret } from '../secret/secret.ts'
import { createMint } from '../secret-stores/minting/minter.ts'
import { createTokenDesk, type Rotated } from '../secret-stores/minting/token-desk.ts'
import { readLocalOperator, readSealerKey } from '../state-dir/key-files.ts'
import type { StateDirectory } from '../state-dir.ts'
import { formsOf } from '../config/service-settings.ts'
import type { Mounted } from './credentials.ts'
import type { LiveSettings } from './settings.ts'
import { wayOut } from './way-out.ts'

const TIMEOUT_MS = 10_000

export interface MintingParts {
  readonly directory: StateDirectory
  readonly settings: LiveSettings
  readonly sealed: Pick<SealedStore, 'find' | 'put'>
  readonly identity: Secret
  readonly audit: Pick<AuditLog, 'change'>
  readonly log: Log
}

/** `mounted` reads the login of the proxy on the way out, when it is first needed. */
export function openTokenDesk(
  parts: MintingParts,
  stored: CredentialSource,
  mounted: Mounted,
): TokenDesk {
  const { settings, log } = parts
  const dial = createDial({ proxy: wayOut(settings.current.config.upstreamProxy, mounted) })
  return createTokenDesk({
    ...{ stored, log, now: systemNow, random: Math.random },
    formsOf: (name) => formsOf(settings.current.catalog, name),
    mint: createMint({ ask: createAsk({ dial, timeoutMs: TIMEOUT_MS }), now: systemNow }),
    keep: (rotated) => keepRotated(parts, rotated),
  })
}

/**
 * Seals it as the next version for the same name and origins, on disk before this resolves. False
 * where the credential is not in the vault, or nobody on this machine may seal.
 */
async function keepRotated(parts: MintingParts, rotated: Rotated): Promise<boolean> {
  const { settings, directory, sealed } = parts
  const reference = settings.current.references.get(rotated.name)
  const operator = readLocalOperator(directory)
  const { recipient } = settings.current.config.vault
  if (reference?.source !== 'vault' || !operator || recipient === undefined) return false
  const row = await sealed.find(reference.name)
  const payload = row && (await openRow(parts, row))
  if (!payload || `v${payload.version}` !== rotated.version) throw changed()
  const version = payload.version + 1
  const next = { ...payload, version, fields: rotated.fields, sealedAt: systemNow() }
  const sealer = { name: operator.name, privateKey: readSealerKey(directory) }
  const envelope = await seal({ payload: next, recipient, sealer })
  await record(parts, { name: reference.name, version })
  const { name } = reference
  const put = { name, version, envelope, sealedBy: sealer.name, storedAt: systemNow() }
  if (!(await sealed.put(put, payload.version))) throw changed()
  return true
}

async function openRow(
  { settings, identity }: MintingParts,
  { name, envelope }: SealedSecret,
): Promise<SealedPayload | undefined> {
  const { vault, environment: env } = settings.current.config
  const expected = { identity, sealers: vault.sealers, env, name, minimumVersion: 0 }
  const opened = await unseal(envelope, expected)
  return opened.ok ? opened.value : undefined
}

async function record(
  { audit }: MintingParts,
  { name, version }: { readonly name: string; readonly version: number },
): Promise<void> {
  await audit.change({
    ...{ at: systemNow(), requestId: newRequestId(), operator: 'system', source: 'local' },
    ...{ action: 'secret.reseal', target: name, result: 'done' },
    details: { version, reason: 'the refresh token was rotated' },
  })
}

const changed = (): Failure =>
  new Failure('secret_store_unavailable', 'the stored secret changed meanwhile')
