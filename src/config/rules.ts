/** What settings of an environment mean to each other: each may be well-formed, and together wrong. */

import { nearest } from '../base/nearest.ts'
import { isRemote, type RemoteReference, type SourceReference } from '../secret/reference.ts'
import { formatAddress, isLoopback, type Address } from './address.ts'
import { targetNameOf } from './alerts.ts'
import { limitSettings } from './limits.ts'
import { defaultListeners } from './listeners.ts'
import { STORE_SECTIONS, storeReferences } from './stores.ts'
import { PRESETS, type EnvironmentSettings } from './schema.ts'
import { presetSeconds } from './units.ts'

export interface PathMistake {
  readonly path: readonly PropertyKey[]
  /** Whether the setting's name is wrong, or its value. */
  readonly at: 'key' | 'value'
  readonly message: string
}

interface Listener {
  readonly path: readonly string[]
  readonly address: Address
  /** Has TLS, or may do without it. */
  readonly isExposable: boolean
}

const valueMistake = (path: readonly PropertyKey[], message: string): PathMistake => ({
  path,
  at: 'value',
  message,
})

export function checkEnvironment(
  name: string,
  settings: EnvironmentSettings,
  services: ReadonlySet<string> | undefined,
): PathMistake[] {
  return [
    ...(name === 'production' ? checkExposure(settings) : []),
    ...checkPorts(name, settings),
    ...checkProxies(settings),
    ...checkLifetimes(settings),
    ...checkLimits(settings),
    ...checkReferences(settings),
    ...checkTargets(settings),
    ...(services ? checkServices(settings, services) : []),
  ]
}

function checkExposure(settings: EnvironmentSettings): PathMistake[] {
  return listenersOf(settings)
    .filter(({ address, isExposable }) => !isExposable && !isLoopback(address))
    .map(({ path }) =>
      valueMistake(
        path,
        `${path.join('.')}: is open beyond this machine, and in production that needs TLS: set ${path[0] ?? ''}.tls, listen on 127.0.0.1, or set insecure_plaintext where a mesh or load balancer ends TLS`,
      ),
    )
}

/** Listeners that the file names; defaults are on loopback. */
function listenersOf({ data, control }: EnvironmentSettings): Listener[] {
  const perService = Object.entries(data?.service_listen ?? {}).map(([service, address]) => ({
    path: ['data', 'service_listen', service],
    address,
    isExposable: isExposable(data),
  }))
  const planes = Object.entries({ data, control }).flatMap(([plane, section]) =>
    section?.listen === undefined
      ? []
      : {
          path: [plane, 'listen'],
          address: section.listen,
          isExposable: isExposable(section),
        },
  )
  return [...planes, ...perService]
}

function isExposable(
  section: EnvironmentSettings['data'] | EnvironmentSettings['control'],
): boolean {
  return section?.tls !== undefined || section?.insecure_plaintext === true
}

function checkProxies({ data }: EnvironmentSettings): PathMistake[] {
  if (data?.proxy_protocol !== true || (data.trusted_proxies?.length ?? 0) > 0) return []
  // Without a list everybody could name the source that suits them.
  const message = 'data.proxy_protocol: needs trusted_proxies, whose headers alone are believed'
  return [valueMistake(['data', 'proxy_protocol'], message)]
}

function checkPorts(environment: string, settings: EnvironmentSettings): PathMistake[] {
  const usual = defaultListeners(environment)
  const taken = new Map<string, string>()
  if (!settings.data?.listen) taken.set(formatAddress(usual.data), 'the default of data.listen')
  if (!settings.control?.listen)
    taken.set(formatAddress(usual.control), 'the default of control.listen')
  const mistakes: PathMistake[] = []
  for (const { path, address } of listenersOf(settings)) {
    const text = formatAddress(address)
    const other = taken.get(text)
    if (other !== undefined && address.port !== 0)
      mistakes.push(valueMistake(path, `${path.join('.')}: is the same address as ${other}`))
    taken.set(text, path.join('.'))
  }
  return mistakes
}

function checkLifetimes({ tokens = {} }: EnvironmentSettings): PathMistake[] {
  const usual = tokens.default_ttl ?? presetSeconds(PRESETS.defaultTtl)
  const longest = tokens.max_ttl ?? presetSeconds(PRESETS.maxTtl)
  if (usual <= longest) return []
  return [
    valueMistake(
      ['tokens', tokens.default_ttl === undefined ? 'max_ttl' : 'default_ttl'],
      'tokens.default_ttl: is longer than tokens.max_ttl',
    ),
  ]
}

function checkLimits({ limits: section }: EnvironmentSettings): PathMistake[] {
  const limits = limitSettings(section)
  const pairs = [
    { less: 'url_length', more: 'head_size', isWrong: limits.urlBytes > limits.headBytes },
    {
      less: 'connections_per_source',
      more: 'connections',
      isWrong: limits.connectionsPerSource > limits.connections,
    },
  ] as const
  return pairs
    .filter(({ isWrong }) => isWrong)
    .map(({ less, more }) => {
      const path = ['limits', section?.[less] === undefined ? more : less]
      return valueMistake(path, `limits.${less}: is more than limits.${more}`)
    })
}

function checkReferences(settings: EnvironmentSettings): PathMistake[] {
  return referencesOf(settings).flatMap(([path, reference]) => {
    const problem = referenceProblem(reference, settings)
    return problem === undefined ? [] : valueMistake(path, `${path.join('.')}: ${problem}`)
  })
}

function checkTargets({ alerts: { targets = [] } = {} }: EnvironmentSettings): PathMistake[] {
  const names = targets.map(targetNameOf)
  return names.flatMap((name, index) => {
    if (names.indexOf(name) === index) return []
    const path = ['alerts', 'targets', index]
    return valueMistake(path, `${path.join('.')}: is called as another target: give it a name`)
  })
}

function referencesOf(settings: EnvironmentSettings): [PropertyKey[], SourceReference][] {
  const proxy = settings.upstream_proxy?.credential
  const services = Object.entries(settings.services ?? {})
  const ofServices = services.flatMap(([id, { credential, splits = {} }]) => [
    ...(credential ? [named(['services', id, 'credential'], credential)] : []),
    ...Object.entries(splits).map(([split, reference]) =>
      named(['services', id, 'splits', split], reference),
    ),
  ])
  const ofTargets = (settings.alerts?.targets ?? []).flatMap(({ secret }, index) =>
    secret ? [named(['alerts', 'targets', index, 'secret'], secret)] : [],
  )
  const ofProxy = proxy ? [named(['upstream_proxy', 'credential'], proxy)] : []
  const ofStores = storeReferences(settings.stores).map(([path, reference]) =>
    named([...path], reference),
  )
  return [...ofServices, ...ofTargets, ...ofProxy, ...ofStores]
}

const named = (
  path: PropertyKey[],
  reference: SourceReference,
): [PropertyKey[], SourceReference] => [path, reference]

/** `env:` and `file:` reach only what the file lists, so that a typo cannot pick up another secret. */
function referenceProblem(
  reference: SourceReference,
  { env_sources: variables = [], secret_dirs: directories = [], stores }: EnvironmentSettings,
): string | undefined {
  if (isRemote(reference)) return remoteProblem(reference, stores)
  switch (reference.source) {
    case 'vault':
      return undefined
    case 'env':
      return variables.includes(reference.variable)
        ? undefined
        : 'names a variable that env_sources does not list'
    case 'file':
      return directories.some((directory) => isInside(reference.path, directory))
        ? undefined
        : 'names a file outside secret_dirs'
  }
}

function remoteProblem(
  { source }: RemoteReference,
  stores: EnvironmentSettings['stores'],
): string | undefined {
  const section = STORE_SECTIONS[source]
  return stores?.[section] ? undefined : `needs stores.${section}, which says where that store is`
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}

function checkServices(settings: EnvironmentSettings, known: ReadonlySet<string>): PathMistake[] {
  const services = Object.entries(settings.services ?? {}).flatMap(([id, section]) => {
    const needed = section.extends ?? id
    if (known.has(needed)) return []
    const path = ['services', id, ...(section.extends === undefined ? [] : ['extends'])]
    return [unknownService(path, needed, known)]
  })
  const all = new Set([...known, ...Object.keys(settings.services ?? {})])
  const listeners = Object.keys(settings.data?.service_listen ?? {})
    .filter((id) => !all.has(id))
    .map((id) => unknownService(['data', 'service_listen', id], id, all))
  return [...services, ...listeners]
}

function unknownService(
  path: readonly string[],
  id: string,
  known: ReadonlySet<string>,
): PathMistake {
  const close = nearest(id, known)
  const hint = close === undefined ? '' : `; did you mean "${close}"?`
  const at = path.at(-1) === id ? 'key' : 'value'
  return { path, at, message: `there is no service "${id}"${hint}` }
}
