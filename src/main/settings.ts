/**
 * What the files say right now: configuration and catalogue, read at start and again on a signal.
 * A reading that fails changes nothing: the former one stays in force.
 */

import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { loadCatalog } from '../catalog-files.ts'
import { catalogSettings, originsOf, secretNamesOf, sourceOf } from '../config/service-settings.ts'
import { loadConfig, type Config, type ConfigRequest } from '../config.ts'
import type { SourceReference } from '../secret/reference.ts'

export interface Settings {
  readonly config: Config
  readonly catalog: Catalog
  /** Where each secret comes from; the vault, where nothing else is said. */
  readonly references: ReadonlyMap<string, SourceReference>
  /** Origins that each secret may go to, by the catalogue and the configuration. */
  readonly origins: ReadonlyMap<string, ReadonlySet<string>>
}

/** Throws `config_invalid`, `config_missing` or `catalog_invalid`. */
async function readSettings(request: ConfigRequest): Promise<Settings> {
  const config = loadConfig(request)
  const catalog = await loadCatalog({
    configDirectory: config.directory,
    settings: catalogSettings(config),
  })
  const references = referencesOf(config, catalog)
  return { config, catalog, references, origins: originsBySecret(catalog) }
}

/** The settings in force, and how to read them again. */
export interface LiveSettings {
  readonly current: Settings
  /** False when the files are wrong; the log says why. */
  reload(): Promise<boolean>
}

export async function openSettings(request: ConfigRequest, log: Log): Promise<LiveSettings> {
  let current = await readSettings(request)
  return {
    get current() {
      return current
    },
    async reload() {
      try {
        current = await readSettings(request)
        log.info('settings_reloaded', { services: current.catalog.services.size })
        return true
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        log.error('settings_kept', { problem: error.message })
        return false
      }
    },
  }
}

function referencesOf(config: Config, catalog: Catalog): Map<string, SourceReference> {
  const names = [...catalog.services.values()].flatMap(secretNamesOf)
  return new Map(names.map((name) => [name, sourceOf(config, name)]))
}

function originsBySecret(catalog: Catalog): Map<string, ReadonlySet<string>> {
  const origins = new Map<string, Set<string>>()
  for (const service of catalog.services.values())
    for (const name of secretNamesOf(service)) {
      const known = origins.get(name) ?? new Set()
      for (const origin of originsOf(service)) known.add(origin)
      origins.set(name, known)
    }
  return origins
}
