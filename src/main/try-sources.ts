/** Secrets of a configuration that is not in force yet, each read once as the proxy will read it. */

import { randomBytes, createSecretKey } from 'node:crypto'
import { systemNow } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Config } from '../config.ts'
import { formsOf } from '../config/service-settings.ts'
import { createDial } from '../network/dial.ts'
import type { SourceReference } from '../secret/reference.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import type { Secret } from '../secret/secret.ts'
import { createEnvStore } from '../secret-stores/env.ts'
import { createFileStore } from '../secret-stores/file.ts'
import { createCredentialSource, type Source } from '../secret-stores/sources.ts'
import { createValueVersion } from '../secret-stores/value-version.ts'
import { openRemoteStores } from './remote-stores.ts'
import { wayOut } from './way-out.ts'

export interface Trial {
  readonly config: Config
  readonly catalog: Catalog
  /** What to read, by secret name. */
  readonly references: ReadonlyMap<string, SourceReference>
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Says what is wrong with the first that cannot be read, never with a value; undefined: nothing. */
export async function trySources(trial: Trial): Promise<string | undefined> {
  const { catalog, references } = trial
  const noted: string[] = []
  const note = (_event: string, fields?: { readonly problem?: unknown }): void => {
    if (typeof fields?.problem === 'string') noted.push(fields.problem)
  }
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const stores = openStores(trial)
  const source = createCredentialSource({
    references: () => references,
    stores,
    shapeOf: (name) => ({ forms: formsOf(catalog, name) }),
    now: systemNow,
    log,
  })
  try {
    for (const name of references.keys()) {
      const found = await source.get(name, 'https://nowhere.invalid')
      if (found.ok) continue
      const { lastError } = source.states().find((state) => state.name === name) ?? {}
      const why = noted.at(-1) ?? lastError?.problem
      return found.error.reason === 'credential_not_configured'
        ? `there is nothing for ${name} at that place`
        : `${name}: ${why ?? 'it cannot be read'}`
    }
    return undefined
  } finally {
    await Promise.all(Object.values(stores).map(async (store) => store.close?.()))
  }
}

function openStores({ config, env }: Trial): Readonly<Record<Source, SecretStore>> {
  const versionOf = createValueVersion(createSecretKey(randomBytes(32)))
  const envStore = createEnvStore({
    ...{ environment: env, versionOf },
    allowed: () => config.environmentSources,
  })
  const file = createFileStore({ directories: () => config.secretDirectories, versionOf })
  const readMounted = async (reference: SourceReference): Promise<Secret | undefined> => {
    if (reference.source === 'env')
      return (await envStore.read(reference.variable))?.fields.get('secret')
    if (reference.source !== 'file') return undefined
    return (await file.read(reference.path))?.fields.get('secret')
  }
  const remote = openRemoteStores({
    ...{ readMounted, versionOf, now: systemNow },
    settings: () => config.stores,
    openDial: () => createDial({ proxy: wayOut(config.upstreamProxy, { readMounted }) }),
  })
  return { env: envStore, file, vault: NONE, ...remote }
}

/** The vault's key may not be made yet. */
const NONE: SecretStore = { read: async () => undefined }
