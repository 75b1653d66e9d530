/** Changing the configuration: comments stay, mistakes are found before the file is, and it is whole or old. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { loadCatalog } from '../catalog-files.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { parseConfig, type Config } from '../config.ts'
import { editSettings, type SettingsEdit } from '../config/edit.ts'
import { catalogSettings } from '../config/service-settings.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { reloadRunning } from './reload-running.ts'
import { configRequest, stateOf, type Local, type Session } from './session.ts'

/** No secrets in it: it belongs into git, and others may read it. */
const CONFIG_MODE = 0o644

export function openCatalog(config: Config): Promise<Catalog> {
  return loadCatalog({ configDirectory: config.directory, settings: catalogSettings(config) })
}

export interface Edited {
  readonly config: Config
  readonly text: string
  readonly isChanged: boolean
}

/** The configuration as it would be after the edits. Throws what is wrong with it; writes nothing. */
export function editConfig(session: Session, path: string, edits: readonly SettingsEdit[]): Edited {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const text = editSettings(before, edits)
  const config = parseConfig(text, path, configRequest(session))
  return { config, text, isChanged: text !== before }
}

/** As `editConfig`, with what the catalogue makes of it. */
export async function tryEdits(
  session: Session,
  path: string,
  edits: readonly SettingsEdit[],
): Promise<Edited & { readonly catalog: Catalog }> {
  const edited = editConfig(session, path, edits)
  return { ...edited, catalog: await openCatalog(edited.config) }
}

export function writeEdited(path: string, { text, isChanged }: Edited): void {
  if (!isChanged) return
  const mode = existsSync(path) ? statSync(path).mode & 0o777 : CONFIG_MODE
  replaceFile(path, text, mode)
}

/** Edits the file, then tells the running service to read it again; says whether there was one. */
export async function changeConfig(
  session: Session,
  { config }: Local,
  edits: readonly SettingsEdit[],
): Promise<Edited & { readonly catalog: Catalog; readonly isTold: boolean }> {
  const edited = await tryEdits(session, config.path, edits)
  writeEdited(config.path, edited)
  const isTold = edited.isChanged && (await reloadRunning(session, stateOf(session, config)))
  return { ...edited, isTold }
}

/** Said by commands that change files: which environment, which file, who was told. */
export function describeChange(config: Config, isTold: boolean): string {
  const told = isTold ? '; the running service was told' : ''
  return `in ${config.environment} (${config.path})${told}`
}
