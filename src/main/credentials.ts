/** The credential source of one process: vault, environment and files behind one cache. */

import type { KeyObject } from 'node:crypto'
import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { formsOf } from '../config/service-settings.ts'
import type { StoreSettings } from '../config/stores.ts'
import type { CredentialSource } from '../secret/credential-source.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import type { TokenDesk } from '../secret/handed-token.ts'
import {
  formatReference,
  isRemote,
  type RemoteReference,
  type SourceReference,
} from '../secret/reference.ts'
import type { SealedStore } from '../secret/sealed-store.ts'
import type { Secret } from '../secret/secret.ts'
import type { ProcessSourceState, SourceState } from '../secret/source-state.ts'
import { createDial } from '../network/dial.ts'
import type { Lifetime } from '../secret-stores/cached.ts'
import { createEnvStore } from '../secret-stores/env.ts'
import { createFileStore } from '../secret-stores/file.ts'
import { createMintedSource } from '../secret-stores/minting/minted.ts'
import { createCredentialSource, type Source } from '../secret-stores/sources.ts'
import { createValueVersion } from '../secret-stores/value-version.ts'
import { createVaultStore } from '../secret-stores/vault.ts'
import type { VersionFloor } from '../secret-stores/version-floor.ts'
import { openRemoteStores } from './remote-stores.ts'
import type { LiveSettings } from './settings.ts'
import { wayOut } from './way-out.ts'

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
  /** What this process knows of each secret; never a value. */
  states(): readonly SourceState[]
  /** What is known of each token that is minted for all processes. */
  tokenStates(): readonly ProcessSourceState[]
  /** Gives back what stores lent to this process. */
  close(): Promise<void>
}

export function openCredentials(parts: CredentialParts): Credentials {
  const { settings, log, now } = parts
  const stores = openStores(parts)
  const stored = createCredentialSource({
    references: () => settings.current.references,
    stores,
    shapeOf: (name) => ({ forms: formsOf(settings.current.catalog, name) }),
    originsOf: (name) => settings.current.origins.get(name) ?? new Set(),
    lifetimeOf: (source) => lifetimeOf(source, settings.current.config.stores),
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
    states: () => stored.states(),
    tokenStates: () => tokenStatesOf(settings.current.references, desk),
    isConfigured(name) {
      const reference = settings.current.references.get(name)
      if (reference === undefined) return Promise.resolve(false)
      // Whoever lists services must not make a store elsewhere answer for each of them.
      if (isRemote(reference)) return stored.isConfigured(name)
      return isConfiguredHere(reference, parts, stores)
    },
    async close() {
      await Promise.all(Object.values(stores).map(async (store) => store.close?.()))
    },
  }
}

function tokenStatesOf(
  references: ReadonlyMap<string, SourceReference>,
  desk: TokenDesk,
): readonly ProcessSourceState[] {
  return [...references].flatMap(([name, reference]) => {
    const state = desk.state(name)
    return state ? [{ name, source: formatReference(reference), process: 'tokens', ...state }] : []
  })
}

async function isConfiguredHere(
  reference: Exclude<SourceReference, RemoteReference>,
  { sealed }: CredentialParts,
  stores: Stores,
): Promise<boolean> {
  switch (reference.source) {
    case 'vault':
      return (await sealed.find(reference.name)) !== undefined
    case 'env':
      return isReadable(stores.env.read(reference.variable))
    case 'file':
      return isReadable(stores.file.read(reference.path))
  }
}

async function readMounted(
  reference: SourceReference,
  { env, file }: Pick<Stores, 'env' | 'file'>,
): Promise<Secret | undefined> {
  if (reference.source !== 'env' && reference.source !== 'file') return undefined
  const stored = await (reference.source === 'env'
    ? env.read(reference.variable)
    : file.read(reference.path))
  return stored?.fields.get('secret')
}

type Stores = Readonly<Record<Source, SecretStore>>

/** One store for each kind of reference that the configuration may hold. */
function openStores(parts: CredentialParts): Stores {
  const { settings, sealed, identity, environment, now } = parts
  const versionOf = createValueVersion(parts.hashKey)
  const vault = createVaultStore({
    ...{ sealed, identity, versions: parts.versions },
    sealers: () => settings.current.config.vault.sealers,
    environment: settings.current.config.environment,
  })
  const env = createEnvStore({
    ...{ environment, versionOf },
    allowed: () => settings.current.config.environmentSources,
  })
  const directories = () => settings.current.config.secretDirectories
  const file = createFileStore({ directories, versionOf })
  const mounted: Mounted = { readMounted: (reference) => readMounted(reference, { env, file }) }
  const remote = openRemoteStores({
    ...{ ...mounted, versionOf, now },
    settings: () => settings.current.config.stores,
    openDial: () => createDial({ proxy: wayOut(settings.current.config.upstreamProxy, mounted) }),
  })
  return { vault, env, file, ...remote }
}

function lifetimeOf(source: Source, { hashicorp, awsSm }: StoreSettings): Lifetime | undefined {
  if (source === 'hashicorp') return hashicorp?.lifetime
  return source === 'aws-sm' ? awsSm?.lifetime : undefined
}

async function isReadable(reading: Promise<unknown>): Promise<boolean> {
  return reading.then(
    (stored) => stored !== undefined,
    () => false,
  )
}
