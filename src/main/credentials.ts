/** The credential source of one process: vault, environment and files behind one cache. */

import type { KeyObject } from 'node:crypto'
import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { formsOf } from '../config/service-settings.ts'
import type { CredentialSource } from '../secret/credential-source.ts'
import type { TokenDesk } from '../secret/handed-token.ts'
import type { SourceReference } from '../secret/reference.ts'
import type { SealedStore } from '../secret/sealed-store.ts'
import type { Secret } from '../secret/secret.ts'
import { createEnvStore } from '../secret-stores/env.ts'
import { createFileStore } from '../secret-stores/file.ts'
import { createMintedSource } from '../secret-stores/minting/minted.ts'
import { createCredentialSource } from '../secret-stores/sources.ts'
import { createValueVersion } from '../secret-stores/value-version.ts'
import { createVaultStore } from '../secret-stores/vault.ts'
import type { VersionFloor } from '../secret-stores/version-floor.ts'
import type { LiveSettings } from './settings.ts'

export interface CredentialParts {
  readonly settings: LiveSettings
  readonly sealed: Pick<SealedStore, 'find'>
  readonly identity: Secret
  readonly versions: VersionFloor
  /** Keys the digests that tell versions of a value apart. */
  readonly hashKey: KeyObject
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly now: Now
  /** Who mints tokens from what is stored: this process, or the server that it works for. */
  readonly openDesk: (stored: CredentialSource, mounted: Mounted) => TokenDesk
}

export interface Mounted {
  /** What a reference outside the vault names, read now: for what is no service's credential. */
  readMounted(reference: SourceReference): Promise<Secret | undefined>
}

export interface Credentials extends Required<CredentialSource>, Mounted {
  readonly desk: TokenDesk
  /** Whether the source holds something, without opening it where that can be avoided. */
  isConfigured(name: string): Promise<boolean>
}

export function openCredentials(parts: CredentialParts): Credentials {
  const { settings, log, now } = parts
  const stores = openStores(parts)
  const stored = createCredentialSource({
    references: () => settings.current.references,
    stores,
    shapeOf: (name) => ({ forms: formsOf(settings.current.catalog, name) }),
    originsOf: (name) => settings.current.origins.get(name) ?? new Set(),
    now,
    log,
  })
  const mounted: Mounted = { readMounted: (reference) => readMounted(reference, stores) }
  const desk = parts.openDesk(stored, mounted)
  const source = createMintedSource({
    ...{ stored, desk, now, log, random: Math.random },
    formsOf: (name) => formsOf(settings.current.catalog, name),
  })
  return {
    ...source,
    ...mounted,
    desk,
    async isConfigured(name) {
      const reference = settings.current.references.get(name)
      switch (reference?.source) {
        case undefined:
          return false
        case 'vault':
          return (await parts.sealed.find(reference.name)) !== undefined
        case 'env':
          return isReadable(stores.env.read(reference.variable))
        case 'file':
          return isReadable(stores.file.read(reference.path))
      }
    },
  }
}

async function readMounted(
  reference: SourceReference,
  { env, file }: Pick<ReturnType<typeof openStores>, 'env' | 'file'>,
): Promise<Secret | undefined> {
  if (reference.source === 'vault') return undefined
  const stored = await (reference.source === 'env'
    ? env.read(reference.variable)
    : file.read(reference.path))
  return stored?.fields.get('secret')
}

/** One store for each kind of reference that the configuration may hold. */
function openStores(parts: CredentialParts) {
  const { settings, sealed, identity, environment } = parts
  const versionOf = createValueVersion(parts.hashKey)
  return {
    vault: createVaultStore({
      sealed,
      identity,
      sealers: () => settings.current.config.vault.sealers,
      environment: settings.current.config.environment,
      versions: parts.versions,
    }),
    env: createEnvStore({
      environment,
      allowed: () => settings.current.config.environmentSources,
      versionOf,
    }),
    file: createFileStore({
      directories: () => settings.current.config.secretDirectories,
      versionOf,
    }),
  }
}

async function isReadable(reading: Promise<unknown>): Promise<boolean> {
  return reading.then(
    (stored) => stored !== undefined,
    () => false,
  )
}
