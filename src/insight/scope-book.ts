/** What scopes stand for: their risk, their operations, and the credential behind them. */

import type { Catalog } from '../catalog/catalog.ts'
import { globMatches, parseMatchLine, type PathPattern } from '../catalog/path.ts'
import type { Risk, Service } from '../catalog/service.ts'

export interface ScopeOperation {
  /** `GET,POST /v1/charges/*`. */
  readonly name: string
  /** As audit records name it, one for each method: `POST /v1/charges/*`; or a glob: `s3:Get*`. */
  readonly rules: readonly string[]
  /** The scope is needed only when a condition on the request holds. */
  readonly isConditional: boolean
}

export interface ScopeFacts {
  readonly scope: string
  readonly service: string
  /** `secrets`, the worst, for a scope that the catalogue does not know. */
  readonly risk: Risk
  /** Empty for a scope that the catalogue does not know. */
  readonly title: string
  readonly isKnown: boolean
  /** Name of the secret that its operations need; undefined where the service takes none. */
  readonly credential: string | undefined
  readonly operations: readonly ScopeOperation[]
}

export type ScopeBook = (scope: string) => ScopeFacts

/** Looks scopes up in one catalogue; each is worked out once. */
export function createScopeBook(catalog: Catalog): ScopeBook {
  const known = new Map<string, ScopeFacts>()
  return (scope) => {
    const found = known.get(scope) ?? factsOf(catalog, scope)
    known.set(scope, found)
    return found
  }
}

/** Whether one of the rules that requests were judged by (`<service> <rule>`) is the operation's. */
export function isUsed(
  { rules }: ScopeOperation,
  service: string,
  used: ReadonlySet<string>,
): boolean {
  return rules.some(
    (rule) =>
      used.has(`${service} ${rule}`) || (isKeyGlob(rule) && fitsAny(`${service} ${rule}`, used)),
  )
}

/** A path's pattern stands in records as it is, a glob does not. */
const isKeyGlob = (rule: string): boolean => rule.includes('*') && !rule.includes(' ')

function fitsAny(glob: string, used: ReadonlySet<string>): boolean {
  const pieces = glob.split('*')
  for (const rule of used) if (globMatches(pieces, rule)) return true
  return false
}

/** Full names of the scopes that lead to a credential. */
export function scopesBehind(catalog: Catalog, credential: string): string[] {
  return [...catalog.services.values()].flatMap((service) =>
    [...service.scopes.values()].flatMap(({ id, name }) =>
      credentialOf(service, name) === credential ? [id] : [],
    ),
  )
}

function factsOf(catalog: Catalog, scope: string): ScopeFacts {
  const separator = scope.indexOf(':')
  const [id, name] = [scope.slice(0, separator), scope.slice(separator + 1)]
  const service = catalog.services.get(id)
  const entry = catalog.scopes.get(scope)
  return {
    scope,
    service: id,
    risk: entry?.risk ?? 'secrets',
    title: entry?.title ?? '',
    isKnown: entry !== undefined,
    credential: service && credentialOf(service, name),
    operations: service ? operationsOf(service, name) : [],
  }
}

function credentialOf(service: Service, name: string): string | undefined {
  if (service.credentialForms.length === 0) return undefined
  return service.credentialSplits.get(name) ?? service.credential
}

interface RuleWords {
  readonly scope?: unknown
  readonly match?: unknown
  readonly ops?: unknown
  readonly where?: unknown
  readonly with?: unknown
}

/** From the definition as it stands in its file, which the catalogue has checked. */
function operationsOf({ definition }: Service, name: string): ScopeOperation[] {
  return [...keysOf(definition.operation_rules, name), ...pathsOf(definition.rules, name)]
}

/** `operation_rules`: globs over the keys of operations. */
function keysOf(definitions: unknown, name: string): ScopeOperation[] {
  const rules: readonly RuleWords[] = Array.isArray(definitions) ? definitions : []
  return rules
    .filter(({ scope }) => scope === name)
    .flatMap(({ ops, with: names }) =>
      (Array.isArray(ops) ? ops.map(String) : []).map((glob) => ({
        ...{ name: glob, rules: [glob], isConditional: names !== undefined },
      })),
    )
}

function pathsOf(definitions: unknown, name: string): ScopeOperation[] {
  const rules: readonly RuleWords[] = Array.isArray(definitions) ? definitions : []
  return rules
    .filter(({ scope }) => scope === name)
    .flatMap(({ match, where }) => {
      const lines: readonly unknown[] = Array.isArray(match) ? match : []
      return lines.flatMap(patternsOf).map((pattern) => operationOf(pattern, where !== undefined))
    })
}

function patternsOf(line: unknown): readonly PathPattern[] {
  const parsed = parseMatchLine(String(line))
  return parsed.ok ? parsed.value : []
}

const ALL_METHODS = 5

function operationOf({ methods, text }: PathPattern, isConditional: boolean): ScopeOperation {
  const words = methods.length === ALL_METHODS ? 'ANY' : methods.join(',')
  return {
    name: `${words} ${text}`,
    rules: methods.map((method) => `${method} ${text}`),
    isConditional,
  }
}
