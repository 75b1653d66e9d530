/**
 * The built-in vault: sealed envelopes from the database, opened with this machine's identity.
 *
 * The database is not trusted. Who may seal, for which environment, and which version is the
 * oldest that still counts, all stand on this machine.
 */

import { Failure } from '../base/errors.ts'
import { unseal, type EnvelopeProblem, type Sealers } from '../secret/envelope.ts'
import type { SealedSecret, SealedStore } from '../secret/sealed-store.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import type { Secret } from '../secret/secret.ts'
import type { VersionFloor } from './version-floor.ts'

export interface VaultParts {
  readonly sealed: Pick<SealedStore, 'find'>
  /** `AGE-SECRET-KEY-1...` */
  readonly identity: Secret
  /** Asked at each read, since the configuration may change. */
  readonly sealers: () => Sealers
  readonly environment: string
  readonly versions: VersionFloor
}

/** A store whose references are the names of secrets. */
export function createVaultStore(parts: VaultParts): SecretStore {
  return {
    async read(name) {
      const row = await findRow(parts.sealed, name)
      if (row === undefined) return undefined
      const minimumVersion = parts.versions.highest(name)
      const opened = await unseal(row.envelope, {
        identity: parts.identity,
        sealers: parts.sealers(),
        env: parts.environment,
        name,
        minimumVersion,
      })
      if (!opened.ok) throw new Failure('secret_invalid', wordProblem(name, opened.error))
      const { fields, origins, version } = opened.value
      if (version !== row.version)
        throw new Failure('secret_invalid', `${name}: the row and its envelope differ in version`)
      // On disk before anybody may use it: after a crash the older ones must stay refused.
      if (version > minimumVersion) await raiseFloor(parts.versions, name, version)
      return { fields, origins, version: `v${version}` }
    },
  }
}

async function findRow(
  sealed: Pick<SealedStore, 'find'>,
  name: string,
): Promise<SealedSecret | undefined> {
  try {
    return await sealed.find(name)
  } catch (cause) {
    throw new Failure('secret_store_unavailable', 'the vault cannot be read', { cause })
  }
}

async function raiseFloor(versions: VersionFloor, name: string, version: number): Promise<void> {
  try {
    await versions.raise(name, version)
  } catch (cause) {
    throw new Failure('secret_store_unavailable', 'the vault cannot record a version', { cause })
  }
}

function wordProblem(name: string, problem: EnvelopeProblem): string {
  switch (problem.reason) {
    case 'envelope_malformed':
    case 'payload_malformed':
      return `${name}: the sealed envelope is malformed`
    case 'sealer_unknown':
      return `${name}: sealed by ${problem.sealer}, whom vault.sealers does not list`
    case 'signature_invalid':
      return `${name}: the signature is not that of ${problem.sealer}`
    case 'not_decryptable':
      return `${name}: sealed to another vault, or damaged`
    case 'environment_mismatch':
      return `${name}: sealed for another environment`
    case 'name_mismatch':
      return `${name}: sealed under another name`
    case 'version_rolled_back':
      return `${name}: version ${problem.version} was put back; ${problem.minimum} was opened before`
  }
}
