/** What scopes stand for: their risk, their operations, and the credential behind them. */

import type { Catalog } from '../catalog/catalog.ts'
import { parseMatchLine, type PathPattern } from '../catalog/path.ts'
import type { Risk, Service } from '../catalog/service.ts'

export interface ScopeOperation {
  /** `GET,POST /v1/charges/*`. */
  readonly name: string
  /** As audit records name it, one for each method: `POST /v1/charges/*`. */
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
  readonly where?: unknown
}

/** From the definition as it stands in its file, which the catalogue has checked. */
function operationsOf({ definition }: Service, name: string): ScopeOperation[] {
  const rules: readonly RuleWords[] = Array.isArray(definition.rules) ? definition.rules : []
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
