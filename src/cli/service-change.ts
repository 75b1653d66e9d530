/** `service add` and `service set`: changes to files on this machine, checked before they are made. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { builtinServicesDirectory, loadCatalog } from '../catalog-files.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Config } from '../config.ts'
import type { SettingsEdit } from '../config/edit.ts'
import { isServiceId } from '../config/forms.ts'
import { catalogSettings, sourceOf } from '../config/service-settings.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import { collect, type Call, type Runner } from './command.ts'
import { changeConfig, describeChange, openCatalog } from './config-file.ts'
import { reloadRunning } from './reload-running.ts'
import { resealInbox } from './reseal.ts'
import { findRunning, operatorClientOf } from './running.ts'
import { findService } from './service-list.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'

const addOptions = z.object({ replace: z.boolean().optional() })
const setOptions = z.object({
  extends: z.string().optional(),
  origin: z.string().optional(),
  tokenOrigin: z.string().optional(),
  caFile: z.string().optional(),
  allowPrivateAddress: z.boolean().optional(),
  host: z.array(z.string()).optional(),
  bodyLimit: z.string().optional(),
  clear: z.boolean().optional(),
})
type SetOptions = z.output<typeof setOptions>

export function registerServiceChange(parent: Command, runs: Runner): void {
  const add = parent
    .command('add')
    .argument('<file>', 'a service file of yours, or one that extends a service')
    .description('check a service file and copy it beside the configuration')
    .option('--replace', 'replace the file that is there')
  runs(add, addOptions, addService)
  const set = parent
    .command('set')
    .argument('<id>')
    .description('point a service elsewhere, on this machine only')
    .option('--extends <id>', 'make it a service of its own, with the rules of another')
    .option('--origin <url>', 'dial https://host:port instead')
    .option('--token-origin <url>', 'ask https://host:port for tokens instead (OAuth, apps)')
    .option('--ca-file <file>', 'certificates (PEM) that verify those origins')
    .option('--allow-private-address', 'they may be on loopback or in a private network')
    .option('--host <name>', 'exact hosts that may receive the credential', collect)
    .option('--body-limit <size>', 'the largest body that a condition may read')
    .option('--clear', 'forget origins, certificates and private address first')
  runs(set, setOptions, setService)
}

async function setService({ session, options, args: [id = ''] }: Call<SetOptions>): Promise<void> {
  const local = loadLocal(session)
  if (options.extends === undefined) findService(await openCatalog(local.config), id)
  if (!isServiceId(id))
    throw new Failure('usage_invalid', 'a service id has lower-case letters, digits and hyphens')
  const edits = editsOf(session, local, { id, options })
  if (edits.length === 0)
    throw new Failure('usage_invalid', 'nothing to set: see `apistronghold service set --help`')
  const edited = await changeConfig(session, local, edits)
  const resealed = await resealInbox({ ...local, config: edited.config }, edited.catalog, id)
  const origin = options.origin ?? options.tokenOrigin
  if (resealed.length === 0 && origin !== undefined)
    await warnOfOldOrigins(session, { local, catalog: edited.catalog, id, origin })
  const words = edited.isChanged ? 'set' : 'is set so already'
  answer(
    session,
    { service: id, changed: edited.isChanged },
    `${id} ${words} ${describeChange(local.config, edited.isTold)}`,
  )
}

interface Pointed {
  readonly local: Local
  readonly catalog: Catalog
  readonly id: string
  readonly origin: string
}

async function warnOfOldOrigins(session: Session, pointed: Pointed): Promise<void> {
  const { local, catalog, id, origin } = pointed
  const name = catalog.services.get(id)?.credential ?? id
  if (await isInVault(session, local, name))
    session.terminal.note(
      `a secret that is in the vault already stays sealed for its old origins: \`apistronghold secret set ${name}\` seals it for ${origin}`,
    )
}

/** A service that is stopped cannot be asked: where it has run, it may hold the secret. */
async function isInVault(session: Session, local: Local, name: string): Promise<boolean> {
  const { config, state } = local
  if (sourceOf(config, name).source !== 'vault') return false
  const found = await findRunning(state)
  const key = found.state === 'running' ? readLocalOperator(state)?.key : undefined
  if (found.state !== 'running' || key === undefined) return existsSync(state.database)
  const client = operatorClientOf(session, local, { run: found.run, key })
  const { version } = await client.secrets.versions(name)
  return version > 0
}

function editsOf(
  { terminal }: Session,
  { config }: Local,
  { id, options }: { readonly id: string; readonly options: SetOptions },
): SettingsEdit[] {
  const root = ['environments', config.environment, 'services', id]
  const caFile =
    options.caFile === undefined
      ? undefined
      : fileBeside(config, resolve(terminal.workingDirectory, options.caFile))
  const wanted: Readonly<Record<string, unknown>> = {
    extends: options.extends,
    origin: options.origin,
    token_origin: options.tokenOrigin,
    ca_file: caFile,
    allow_private_address: options.allowPrivateAddress,
    hosts: options.host,
    body_limit: options.bodyLimit,
  }
  const cleared = options.clear
    ? ['origin', 'token_origin', 'ca_file', 'allow_private_address'].map((name) => ({
        path: [...root, name],
        remove: true as const,
      }))
    : []
  const set = Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : { path: [...root, name], set: value },
  )
  return [...cleared, ...set]
}

/** Relative where the file lies below the configuration, so that both can move together. */
export function fileBeside({ directory }: Pick<Config, 'directory'>, path: string): string {
  const short = relative(directory, path)
  return short.startsWith('..') ? path : short
}

async function addService({
  session,
  options: { replace },
  args: [file = ''],
}: Call<z.output<typeof addOptions>>): Promise<void> {
  const local = loadLocal(session)
  const { config, state } = local
  const text = readServiceFile(resolve(session.terminal.workingDirectory, file))
  const id = serviceIdOf(text, file)
  const target = join(config.directory, 'services', `${id}.yaml`)
  const isSame = existsSync(target) && readFileSync(target, 'utf8') === text
  if (existsSync(target) && !isSame && !replace)
    throw new Failure('refused', `${target} is there already: add --replace to replace it`)
  await checkServiceFile(config, `${id}.yaml`, text)
  if (!isSame) {
    mkdirSync(join(config.directory, 'services'), { recursive: true })
    replaceFile(target, text, 0o644)
  }
  const isTold = !isSame && (await reloadRunning(session, state))
  const words = isSame ? 'is there already' : 'added'
  answer(
    session,
    { service: id, file: target, changed: !isSame },
    `${id} ${words} ${describeChange(config, isTold)}`,
  )
}

function readServiceFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('usage_invalid', `cannot read ${path}: ${systemErrorCode(error) ?? ''}`)
  }
}

const idSchema = z.object({ id: z.string().refine(isServiceId) })

function serviceIdOf(text: string, file: string): string {
  try {
    const { data } = idSchema.safeParse(parse(text, { logLevel: 'error', prettyErrors: false }))
    if (data) return data.id
  } catch {
    throw new Failure('catalog_invalid', `${file} is not YAML`)
  }
  throw new Failure(
    'catalog_invalid',
    `${file} has no id of lower-case letters, digits and hyphens`,
  )
}

/** Compiles everything as it would be, in a folder of its own, so that nothing wrong is ever in place. */
async function checkServiceFile(config: Config, name: string, text: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'apistronghold-check-'))
  const trial = join(folder, 'services')
  const own = join(config.directory, 'services')
  try {
    mkdirSync(trial)
    const isShipped = own === builtinServicesDirectory() // a configuration in the clone itself
    const others = existsSync(own) && !isShipped ? readdirSync(own) : []
    for (const other of others)
      if (other.endsWith('.yaml')) copyFileSync(join(own, other), join(trial, other))
    writeFileSync(join(trial, name), text)
    await loadCatalog({ configDirectory: folder, settings: catalogSettings(config) })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new Failure(error.code, error.message.replaceAll(trial, own))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
