/**
 * The configuration of one environment: found, read, overridden by variables, checked, filled up
 * with defaults. schema.ts knows every setting; this file knows what the parts are given.
 */

import type { KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure, systemErrorCode } from './base/errors.ts'
import { nearest } from './base/nearest.ts'
import type { SourceReference } from './secret/reference.ts'
import { alertSettings, type AlertSettings } from './config/alerts.ts'
import { auditSettings, type AuditSettings } from './config/audit.ts'
import { checkSettings } from './config/check.ts'
import { readDocument } from './config/document.ts'
import { limitSettings, type LimitSettings } from './config/limits.ts'
import {
  controlListener,
  dataListeners,
  type ControlListener,
  type DataListeners,
} from './config/listeners.ts'
import { configFailure, type Place } from './config/mistake.ts'
import { applyOverrides, isRecord, type SettingPath, type Variables } from './config/overrides.ts'
import {
  PRESETS,
  type EnvironmentSettings,
  type FileSettings,
  type ServiceSection,
} from './config/schema.ts'
import { storeSettings, type StoreSettings } from './config/stores.ts'
import { upstreamProxySettings, type UpstreamProxySettings } from './config/upstream-proxy.ts'
import { presetSeconds } from './config/units.ts'

/** What the configuration says about one service; absent members keep the catalogue's word. */
export interface ServiceSettings {
  readonly extends?: string
  readonly credential?: SourceReference
  readonly splits: ReadonlyMap<string, SourceReference>
  readonly origin?: string
  /** Asked for minted tokens. */
  readonly tokenOrigin?: string
  /** Absolute. */
  readonly caFile?: string
  readonly allowPrivateAddress: boolean
  readonly hosts?: readonly string[]
  readonly bodyLimitBytes?: number
}

export interface Config {
  /** The file; absolute. */
  readonly path: string
  /** Where it stands: operators' service files are in `services/` beside it. */
  readonly directory: string
  readonly environment: string
  /** Absolute, or `auto`: state-dir.ts knows the rule. */
  readonly stateDirectory: string
  readonly data: DataListeners
  readonly control: ControlListener
  /** Absent: upstreams are dialled directly. */
  readonly upstreamProxy: UpstreamProxySettings | undefined
  readonly database: 'sqlite'
  /** Processes of the data plane; `auto`: one for each core. */
  readonly workers: number | 'auto'
  readonly vault: {
    readonly recipient: string | undefined
    /** Public sealing keys by operator name. */
    readonly sealers: ReadonlyMap<string, KeyObject>
  }
  readonly tokens: { readonly defaultTtlSeconds: number; readonly maxTtlSeconds: number }
  readonly services: ReadonlyMap<string, ServiceSettings>
  /** The only directories that `file:` references may read from; absolute. */
  readonly secretDirectories: readonly string[]
  /** The only variables that `env:` references may read. */
  readonly environmentSources: readonly string[]
  /** Stores elsewhere that references may name. */
  readonly stores: StoreSettings
  readonly audit: AuditSettings
  readonly alerts: AlertSettings
  readonly limits: LimitSettings
}

export interface ConfigRequest {
  /** Wins over APISTRONGHOLD_CONFIG; both absent: apistronghold.yaml in the working directory. */
  readonly path?: string | undefined
  /** Wins over APISTRONGHOLD_ENV and `default_env`. */
  readonly environment?: string | undefined
  /** APISTRONGHOLD_ variables; each wins over the file's setting. */
  readonly env: Variables
  readonly workingDirectory: string
}

export const CONFIG_FILE_NAME = 'apistronghold.yaml'

/** Throws `config_missing` or `config_invalid`; never creates anything. */
export function loadConfig(request: ConfigRequest): Config {
  const path = locateConfig(request)
  return parseConfig(readConfigText(path), path, request)
}

export function locateConfig({ path, env, workingDirectory }: ConfigRequest): string {
  const named = path ?? (env.APISTRONGHOLD_CONFIG || CONFIG_FILE_NAME)
  return resolve(workingDirectory, named)
}

/** As `loadConfig`, for a text that is not in its file yet. */
export function parseConfig(text: string, path: string, request: ConfigRequest): Config {
  const document = readDocument(text)
  const environment = chosenEnvironment(document.value, request)
  const { value, applied } = overridden(document.value, environment, request)
  const { settings, mistakes } = checkSettings(value, knownServices(dirname(path)))
  const found = mistakes.map((mistake) => ({
    place:
      variableOf(mistake.path, environment, applied) ?? document.locate(mistake.path, mistake.at),
    message: mistake.message,
  }))
  if (!settings || document.mistakes.length > 0)
    throw configFailure(path, [...document.mistakes, ...found])
  return buildConfig(settings, environment, path)
}

function readConfigText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT')
      throw new Failure(
        'config_missing',
        `there is no configuration here (${path}): run \`npx apistronghold init --env production\`, or say where it is with --config`,
      )
    const why = systemErrorCode(cause) ?? 'it cannot be read'
    throw new Failure('config_invalid', `cannot read ${path}: ${why}`, { cause })
  }
}

function chosenEnvironment(
  value: unknown,
  { environment, env }: ConfigRequest,
): string | undefined {
  const named = environment ?? (env.APISTRONGHOLD_ENV || undefined)
  if (named !== undefined || !isRecord(value)) return named
  if (typeof value.default_env === 'string') return value.default_env
  const [only, ...others] = isRecord(value.environments) ? Object.keys(value.environments) : []
  return others.length === 0 ? only : undefined
}

function overridden(
  value: unknown,
  environment: string | undefined,
  { env, workingDirectory }: ConfigRequest,
): { readonly value: unknown; readonly applied: readonly SettingPath[] } {
  const environments = isRecord(value) && isRecord(value.environments) ? value.environments : {}
  if (environment === undefined || !isRecord(value) || !Object.hasOwn(environments, environment))
    return { value, applied: [] }
  const { settings, applied } = applyOverrides(
    environments[environment],
    withAbsolutePaths(env, workingDirectory),
  )
  const replaced = { ...environments, [environment]: settings }
  return { value: { ...value, environments: replaced }, applied }
}

const PATH_VARIABLES = [
  'APISTRONGHOLD_STATE_DIR',
  'APISTRONGHOLD_DATA_TLS_CERT_FILE',
  'APISTRONGHOLD_DATA_TLS_KEY_FILE',
  'APISTRONGHOLD_CONTROL_TLS_CERT_FILE',
  'APISTRONGHOLD_CONTROL_TLS_KEY_FILE',
]

/** In a variable a path is relative to where the command runs; in the file, to the file. */
function withAbsolutePaths(env: Variables, workingDirectory: string): Variables {
  const paths = PATH_VARIABLES.flatMap((variable) => {
    const named = env[variable]
    return named && named !== 'auto' ? [[variable, resolve(workingDirectory, named)]] : []
  })
  return { ...env, ...(Object.fromEntries(paths) as Variables) } // pairs of two texts
}

/** The variable that a mistaken setting came from, if one did. */
function variableOf(
  path: readonly PropertyKey[],
  environment: string | undefined,
  applied: readonly SettingPath[],
): Place | undefined {
  if (path[0] !== 'environments' || path[1] !== environment) return undefined
  const source = applied.find((setting) =>
    setting.path.every((step, index) => path[index + 2] === step),
  )
  return source && { variable: source.variable }
}

/** Ids of the shipped services, which their files are named after, and of those beside the file. */
function knownServices(directory: string): ReadonlySet<string> {
  const shipped = ['../services', '../../services'] // from src/, from dist/src/
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(path))
  const own = join(directory, 'services')
  return new Set([
    ...yamlFilesIn(shipped ?? own).map((file) => basename(file, '.yaml')),
    ...yamlFilesIn(own).flatMap(idIn),
  ])
}

function yamlFilesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  return names.map((name) => join(folder, name))
}

/** The catalogue says what is wrong with a file that has none. */
function idIn(file: string): string[] {
  const id = /^id: *(?<id>[a-z][a-z0-9-]*) *(?:#.*)?$/m.exec(readFileSync(file, 'utf8'))?.groups?.id
  return id === undefined ? [] : [id]
}

function buildConfig(file: FileSettings, name: string | undefined, path: string): Config {
  const names = Object.keys(file.environments).join(', ')
  if (name === undefined)
    throw new Failure('usage_invalid', `${path} has several environments: add --env (${names})`)
  const settings = Object.hasOwn(file.environments, name) ? file.environments[name] : undefined
  if (!settings) {
    const close = nearest(name, Object.keys(file.environments))
    const hint = close === undefined ? `it has ${names}` : `did you mean "${close}"?`
    throw new Failure(
      'usage_invalid',
      `${path} has no environment "${name}"; ${hint}. \`apistronghold init --env ${name}\` adds it`,
    )
  }
  const directory = dirname(path)
  return {
    path,
    directory,
    environment: name,
    stateDirectory: stateDirectoryOf(settings, directory),
    data: dataListeners(settings.data, { environment: name, directory }),
    control: controlListener(settings.control, { environment: name, directory }),
    upstreamProxy: upstreamProxySettings(settings.upstream_proxy),
    workers: settings.workers ?? 1,
    database: 'sqlite',
    vault: vaultOf(settings),
    services: servicesOf(settings, directory),
    ...sourcesOf(settings),
    ...lifetimesOf(settings),
    stores: storeSettings(settings.stores, directory),
    audit: auditSettings(settings.audit),
    alerts: alertSettings(settings.alerts, directory),
    limits: limitSettings(settings.limits),
  }
}

function stateDirectoryOf({ state_dir: named = 'auto' }: EnvironmentSettings, directory: string) {
  return named === 'auto' ? 'auto' : resolve(directory, named)
}

function vaultOf({ vault }: EnvironmentSettings) {
  return { recipient: vault?.recipient, sealers: new Map(Object.entries(vault?.sealers ?? {})) }
}

function sourcesOf(settings: EnvironmentSettings) {
  return {
    secretDirectories: settings.secret_dirs ?? [],
    environmentSources: settings.env_sources ?? [],
  }
}

function lifetimesOf({ tokens }: EnvironmentSettings) {
  return {
    tokens: {
      defaultTtlSeconds: tokens?.default_ttl ?? presetSeconds(PRESETS.defaultTtl),
      maxTtlSeconds: tokens?.max_ttl ?? presetSeconds(PRESETS.maxTtl),
    },
  }
}

function servicesOf(settings: EnvironmentSettings, directory: string) {
  return new Map(
    Object.entries(settings.services ?? {}).map(([id, section]) => [
      id,
      serviceOf(section, directory),
    ]),
  )
}

function serviceOf(section: ServiceSection, directory: string): ServiceSettings {
  const { extends: base, credential, origin, ca_file: caFile, hosts } = section
  return {
    ...(base === undefined ? {} : { extends: base }),
    ...(credential === undefined ? {} : { credential }),
    splits: new Map(Object.entries(section.splits ?? {})),
    ...(origin === undefined ? {} : { origin }),
    ...(section.token_origin === undefined ? {} : { tokenOrigin: section.token_origin }),
    ...(caFile === undefined ? {} : { caFile: resolve(directory, caFile) }),
    allowPrivateAddress: section.allow_private_address ?? false,
    ...(hosts === undefined ? {} : { hosts }),
    ...(section.body_limit === undefined ? {} : { bodyLimitBytes: section.body_limit }),
  }
}
