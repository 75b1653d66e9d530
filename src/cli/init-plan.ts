/** What `init` is going to do, complete and checked before the first file is touched. */

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Failure } from '../base/errors.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { parseAddress } from '../config/address.ts'
import type { SettingsEdit } from '../config/edit.ts'
import { isEnvironmentName } from '../config/forms.ts'
import { LISTEN } from '../config/listeners.ts'
import type { ParsedFields } from '../secret/parse-fields.ts'
import type { Secret } from '../secret/secret.ts'
import type { StateDirectory } from '../state-dir.ts'
import { readVaultRecipient } from '../state-dir/key-files.ts'
import { operatorName, readSigningKey } from './init-identity.ts'
import { checkStores, remoteReferences, storeEdits } from './init-stores.ts'
import { readReference, referenceEdits } from './reference.ts'
import { gatherFields, purposeOf, readFields, type SecretPurpose } from './sealing.ts'
import { takeSecret } from './secret-input.ts'
import { fileBeside } from './service-change.ts'
import { findService } from './service-list.ts'
import { configPath, loadLocal, stateOf, type Session } from './session.ts'
import { tryEdits } from './config-file.ts'

/** From options or from questions: the operator's words. */
export interface InitWishes {
  readonly environment: string
  readonly services: readonly string[]
  /** `stripe=env:STRIPE_KEY`, `stripe=file:PATH`, `stripe=-`. */
  readonly imports: readonly string[]
  /** Fields that were typed, by secret name. */
  readonly typed: ReadonlyMap<string, ReadonlyMap<string, Secret>>
  /** `stripe=env:STRIPE_KEY`, `stripe=file:/run/secrets/stripe`. */
  readonly references: readonly string[]
  /** `hashicorp.address=https://vault.example:8200`. */
  readonly stores: readonly string[]
  /** Whether stores elsewhere are asked for what `references` name before anything is written. */
  readonly isCheckingStores: boolean
  readonly operator?: string | undefined
  /** A file with the key. */
  readonly signingKey?: string | undefined
  readonly listen?: string | undefined
  readonly controlListen?: string | undefined
  /** `stripe=127.0.0.1:8910`. */
  readonly serviceListen: readonly string[]
  /** Whether later commands mean this environment when they name none. */
  readonly isDefault: boolean
  /** Whether the background service is to run afterwards. */
  readonly isStarting: boolean
}

export interface PlannedSecret {
  readonly purpose: SecretPurpose
  readonly parsed: ParsedFields
}

export interface InitPlan {
  readonly environment: string
  readonly configPath: string
  readonly state: StateDirectory
  readonly operator: string
  readonly signingKey: string | undefined
  /** Everything but the vault's public keys, which may not exist yet. */
  readonly edits: readonly SettingsEdit[]
  readonly secrets: readonly PlannedSecret[]
  readonly isStarting: boolean
}

/**
 * Throws what is wrong with the wishes, the files or the directory; nothing has happened then.
 * The session is one of the environment itself.
 */
export async function planInit(session: Session, wishes: InitWishes): Promise<InitPlan> {
  const path = configPath(session)
  const { edits, catalog, state } = await planEdits(session, path, wishes)
  return {
    environment: wishes.environment,
    configPath: path,
    state,
    operator: operatorName(wishes.operator),
    signingKey: readSigningKey(session, wishes.signingKey),
    edits,
    secrets: await plannedSecrets(session, catalog, wishes),
    isStarting: wishes.isStarting,
  }
}

/** What the plan for these wishes would fail with, in words; undefined: nothing. */
export async function problemWith(
  session: Session,
  wishes: InitWishes,
): Promise<string | undefined> {
  try {
    await planEdits(session, configPath(session), wishes)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

/** The edits, and the catalogue as it is after them. */
async function planEdits(session: Session, path: string, wishes: InitWishes) {
  const { environment } = wishes
  if (!isEnvironmentName(environment))
    throw new Failure('usage_invalid', 'an environment has lower-case letters, digits and hyphens')
  refuseMissingDirectory(dirname(path))
  const basics = basicEdits(session, path, wishes)
  const { config, catalog } = await tryEdits(session, path, basics)
  const state = stateOf(session, config)
  await refuseForeignVault(config.vault.recipient, state, path)
  const edits = [...basics, ...secretEdits(catalog, wishes)]
  const planned = await tryEdits(session, path, edits)
  if (wishes.isCheckingStores)
    await checkStores(session, planned, remoteReferences(wishes.references))
  return { edits, catalog: planned.catalog, state }
}

/** A directory is not made for the file: its name may be a typing mistake. */
function refuseMissingDirectory(directory: string): void {
  if (existsSync(directory)) return
  throw new Failure(
    'usage_invalid',
    `there is no directory ${directory} for the configuration: make it, or name another with --config`,
  )
}

function basicEdits(session: Session, path: string, wishes: InitWishes): SettingsEdit[] {
  const { environment, listen, controlListen } = wishes
  const root = ['environments', environment]
  const isDevelopment = environment === 'development'
  const usual = {
    data: isDevelopment ? LISTEN.developmentData : LISTEN.data,
    control: isDevelopment ? LISTEN.developmentControl : LISTEN.control,
  }
  return [
    { path: ['version'], preset: 1 },
    {
      path: ['default_env'],
      ...(wishes.isDefault ? { set: environment } : { preset: environment }),
    },
    stateEdit(session, path, [...root, 'state_dir']),
    ...storeEdits(environment, wishes.stores),
    listenEdit([...root, 'data', 'listen'], {
      option: '--listen',
      given: listen,
      usual: usual.data,
    }),
    listenEdit([...root, 'control', 'listen'], {
      option: '--control-listen',
      given: controlListen,
      usual: usual.control,
    }),
    ...wishes.serviceListen.map((pair) => {
      const [service, address] = splitPair('--service-listen', pair)
      return {
        path: [...root, 'data', 'service_listen', service],
        set: checkedAddress('--service-listen', address),
      }
    }),
  ]
}

interface ListenWish {
  readonly option: string
  readonly given: string | undefined
  readonly usual: string
}

function listenEdit(path: string[], { option, given, usual }: ListenWish): SettingsEdit {
  return given === undefined
    ? { path, preset: usual }
    : { path, set: checkedAddress(option, given) }
}

function checkedAddress(option: string, text: string): string {
  if (parseAddress(text)) return text
  throw new Failure('usage_invalid', `${option} takes HOST:PORT, as 127.0.0.1:8900`)
}

/** A chosen directory is written down, so that later commands find it without the option. */
function stateEdit({ terminal, shared }: Session, config: string, path: string[]): SettingsEdit {
  const chosen = shared.stateDir ?? (terminal.env.APISTRONGHOLD_STATE_DIR || undefined)
  if (chosen === undefined || chosen === 'auto') return { path, preset: 'auto' }
  const directory = resolve(config, '..')
  return { path, set: fileBeside({ directory }, resolve(terminal.workingDirectory, chosen)) || '.' }
}

/** A file from git may name the vault of another machine: new keys here could not open its secrets. */
async function refuseForeignVault(
  recipient: string | undefined,
  state: StateDirectory,
  path: string,
): Promise<void> {
  if (recipient === undefined || (await readVaultRecipient(state)) === recipient) return
  throw new Failure(
    'refused',
    `${path} seals to a vault whose key is not in ${state.path}: restore keys/vault.key there from a backup, or take the environment's \`vault\` out of the file to begin a new one`,
  )
}

/** Each service says where its credential is kept, so that a reader of the file need not guess. */
function secretEdits(catalog: Catalog, wishes: InitWishes): SettingsEdit[] {
  const { environment, references } = wishes
  const root = ['environments', environment, 'services']
  const referred = references.flatMap((pair) => {
    const [name, text] = splitPair('--secret-ref', pair)
    return referenceEdits(environment, purposeOf(catalog, name), readReference(text))
  })
  const kept = [...handledServices(catalog, wishes)].map((id) => {
    const { credential } = readyService(catalog, id)
    return { path: [...root, id, 'credential'], preset: `vault:${credential}` }
  })
  return [...referred, ...kept]
}

/** The services asked for, and those whose secrets are given. */
function handledServices(catalog: Catalog, wishes: InitWishes): ReadonlySet<string> {
  const names = [
    ...wishes.imports.map((pair) => splitPair('--import-secret', pair)[0]),
    ...wishes.typed.keys(),
  ]
  const used = names.flatMap((name) => purposeOf(catalog, name).services[0]?.id ?? [])
  return new Set([...wishes.services, ...used])
}

function readyService(catalog: Catalog, id: string) {
  const service = findService(catalog, id, 'usage_invalid')
  if (service.support.ready) return service
  throw new Failure('usage_invalid', `${id} cannot be used yet: ${service.support.why}`)
}

async function plannedSecrets(
  session: Session,
  catalog: Catalog,
  { imports, typed }: InitWishes,
): Promise<PlannedSecret[]> {
  const planned: PlannedSecret[] = []
  const pairs = imports.map((pair) => splitPair('--import-secret', pair))
  if (pairs.filter(([, source]) => source === '-').length > 1)
    throw new Failure('usage_invalid', 'only one secret can come from standard input')
  for (const [name, source] of pairs) {
    const purpose = purposeOf(catalog, name)
    const parsed = readFields(purpose, await takeSecret(session.terminal, source))
    planned.push({ purpose, parsed })
  }
  for (const [name, fields] of typed) {
    const purpose = purposeOf(catalog, name)
    planned.push({ purpose, parsed: gatherFields(purpose, fields) })
  }
  return planned
}

function splitPair(option: string, pair: string): readonly [string, string] {
  const at = pair.indexOf('=')
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
  throw new Failure('usage_invalid', `${option} takes NAME=VALUE`)
}

/** Whether the environment stands in the configuration and its state directory is made. */
export function isInitialised(session: Session): boolean {
  if (!existsSync(configPath(session))) return false
  try {
    return existsSync(loadLocal(session).state.keys)
  } catch (error) {
    // Another environment may be there, and this one still missing.
    if (error instanceof Failure && error.code === 'usage_invalid') return false
    throw error
  }
}
