/** Hosts of a service: which exist, what each serves, and which one a request means. */

import { err, ok, type Result } from '../base/result.ts'
import { parseMatchLine, patternMatches, type Method, type PathPattern } from './path.ts'
import type { ServiceDefinition } from './schema.ts'
import type { ServiceHost } from './service.ts'
import type { DataPath } from './yaml-file.ts'

type HostDefinition = ServiceDefinition['hosts'][number]

/** A mistake inside of one definition; the file and line are found from the path. */
export interface Problem {
  readonly path: DataPath
  readonly message: string
}

export interface CompiledHost {
  readonly host: ServiceHost
  /** The host serves these and nothing else. */
  readonly only: readonly PathPattern[] | undefined
  readonly pathPrefixes: readonly string[] | undefined
  /**
   * Rules that name no host count here: on hosts of the roles `api` and `git`, and on others
   * where `only` says what those rules may reach.
   */
  readonly takesGeneralRules: boolean
}

const isWildcard = (name: string): boolean => name.startsWith('*.')

/** Whether an exact name is the host, or one or more labels under a wildcard. */
export const isUnder = (name: string, pattern: string): boolean =>
  isWildcard(pattern) ? name.endsWith(pattern.slice(1)) : name === pattern

/**
 * Exact hosts by name. A wildcard stands for nothing until the operator names hosts under it: a
 * bearer credential must not go wherever a client says (CATALOGUE 3.6).
 */
export function compileHosts(
  definitions: readonly HostDefinition[],
  named: readonly string[],
): { readonly hosts: ReadonlyMap<string, CompiledHost>; readonly problems: readonly Problem[] } {
  const hosts = new Map<string, CompiledHost>()
  const problems: Problem[] = []
  for (const [index, definition] of definitions.entries()) {
    const only = compileOnly(definition, ['hosts', index, 'only'])
    problems.push(...only.problems)
    const names = isWildcard(definition.host)
      ? named.filter((name) => isUnder(name, definition.host))
      : [definition.host]
    for (const name of names) {
      if (hosts.has(name))
        problems.push({ path: ['hosts', index, 'host'], message: 'is there twice' })
      hosts.set(name, compiledHost(definition, name, only.patterns))
    }
  }
  return { hosts, problems }
}

function compiledHost(
  definition: HostDefinition,
  name: string,
  only: readonly PathPattern[] | undefined,
): CompiledHost {
  return {
    host: hostOf({ ...definition, host: name }),
    only,
    pathPrefixes: definition.path_prefixes,
    takesGeneralRules: ['api', 'git'].includes(definition.role) || definition.only !== undefined,
  }
}

export const hostOf = (definition: HostDefinition): ServiceHost => ({
  name: definition.host,
  role: definition.role,
  basePath: definition.base_path,
  auth: definition.auth ?? 'inject',
})

function compileOnly(
  { only }: HostDefinition,
  path: DataPath,
): {
  readonly patterns: readonly PathPattern[] | undefined
  readonly problems: readonly Problem[]
} {
  if (only === undefined) return { patterns: undefined, problems: [] }
  const patterns: PathPattern[] = []
  const problems: Problem[] = []
  for (const [index, line] of only.entries()) {
    const parsed = parseMatchLine(line)
    if (parsed.ok) patterns.push(...parsed.value)
    else problems.push({ path: [...path, index], message: parsed.error })
  }
  return { patterns, problems }
}

/** A request as far as choosing its host needs it. */
export interface HostQuery {
  readonly method: Method
  readonly path: string
  readonly segments: readonly string[]
}

/** Whether the host serves this path at all, whatever the rules say. */
export function hostServes({ only, pathPrefixes }: CompiledHost, query: HostQuery): boolean {
  if (only && !isListed(only, query)) return false
  return pathPrefixes?.some((prefix) => `${query.path}/`.startsWith(prefix)) ?? true
}

function isListed(only: readonly PathPattern[], { method, segments }: HostQuery): boolean {
  return only.some(
    (pattern) => pattern.methods.includes(method) && patternMatches(pattern.segments, segments),
  )
}

export type HostChoice = Result<
  string,
  | { readonly reason: 'host_ambiguous'; readonly hosts: readonly string[] }
  | { readonly reason: 'host_unknown'; readonly host: string }
>

/**
 * The host of a request that names none: the only one whose `only` lists it; else the first with
 * the role `api` if that one knows the operation; else the only `api` host that does.
 */
export function chooseHost(
  hosts: ReadonlyMap<string, CompiledHost>,
  query: HostQuery | undefined,
  isKnownOn: (host: string) => boolean,
): HostChoice {
  const [any] = hosts.keys()
  if (any === undefined) return err({ reason: 'host_ambiguous', hosts: [] })
  if (hosts.size === 1) return ok(any)
  const apis = [...hosts.values()].filter(({ host, only }) => host.role === 'api' && !only)
  const first = apis[0]?.host.name ?? any
  if (query === undefined) return ok(first)
  const listing = [...hosts.values()].filter(({ only }) => only && isListed(only, query))
  const listed = single(listing.map(({ host }) => host.name))
  if (listed) return listed
  if (apis.length < 2 || isKnownOn(first)) return ok(first)
  return single(apis.map(({ host }) => host.name).filter(isKnownOn)) ?? ok(first)
}

/** One name is the answer, several are too many, none leaves the question open. */
function single(names: readonly string[]): HostChoice | undefined {
  const [name, ...others] = names
  if (name === undefined) return undefined
  return others.length === 0 ? ok(name) : err({ reason: 'host_ambiguous', hosts: names })
}
