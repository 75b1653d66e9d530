/**
 * What the files say right now: configuration and catalogue, read at start and again when told to.
 * A reading that fails changes nothing: the former one stays in force.
 */

import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { err, ok, type Result } from '../base/result.ts'
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
  /** What the files say, which is not in force yet; or what is wrong with them, which the log says too. */
  read(): Promise<Result<Settings, string>>
  use(next: Settings): void
  /** Reads and uses. False when the files are wrong. */
  reload(): Promise<boolean>
}

export async function openSettings(request: ConfigRequest, log: Log): Promise<LiveSettings> {
  let current = await readSettings(request)
  const live: LiveSettings = {
    get current() {
      return current
    },
    async read() {
      try {
        return ok(await readSettings(request))
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        log.error('settings_kept', { problem: error.message })
        return err(error.message)
      }
    },
    use(next) {
      current = next
      log.info('settings_reloaded', { services: next.catalog.services.size })
    },
    async reload() {
      const next = await live.read()
      if (next.ok) live.use(next.value)
      return next.ok
    },
  }
  return live
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
