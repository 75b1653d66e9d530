/** From method, host and path to the operation: which rule decides, and what scopes it asks. */

import { err, ok, type Result } from '../base/result.ts'
import type { MatchProblem, Operation, Target } from './catalog.ts'
import { hostServes, type CompiledHost, type HostQuery } from './host.ts'
import { checksReadBody, type Checks } from './judge.ts'
import { foldSegment, patternMatches, type Method } from './path.ts'
import { allReadings, primaryReadings, withoutSuffix, withSlashesApart } from './readings.ts'
import { isRiskier } from './risk.ts'
import type { Rule, Ruleset } from './ruleset.ts'
import type { Scope, Service } from './service.ts'
import type { Leaf, PathQuery } from './trie.ts'

export interface CompiledService {
  readonly service: Service
  readonly hosts: ReadonlyMap<string, CompiledHost>
  readonly ruleset: Ruleset
}

/** A method and host that the service knows, and the path to judge. */
export interface MatchQuery extends HostQuery {
  readonly host: CompiledHost
}

const METHODS: ReadonlyMap<string, Method> = new Map([
  ['GET', 'GET'],
  ['HEAD', 'GET'],
  ['POST', 'POST'],
  ['PUT', 'PUT'],
  ['PATCH', 'PATCH'],
  ['DELETE', 'DELETE'],
])

/** The method that rules are asked about; undefined for TRACE, OPTIONS, `get` and all others. */
export const judgedMethod = (method: string): Method | undefined => METHODS.get(method)

export function matchOperation(
  compiled: CompiledService,
  request: { readonly method: string; readonly host: string; readonly target: Target },
): Result<Operation, MatchProblem> {
  const method = judgedMethod(request.method)
  if (!method) return err({ reason: 'method_not_allowed' })
  const host = compiled.hosts.get(request.host)
  if (!host) return err({ reason: 'operation_unknown' })
  const { path, segments } = request.target
  const query: MatchQuery = { method, host, path, segments }
  const why = unsupportedReason(compiled.ruleset, query)
  if (why !== undefined) return err({ reason: 'operation_unsupported', why })
  const decision = decide(compiled.ruleset, query)
  if (!decision.ok) return decision
  const { leaf, scopes } = decision.value
  return ok({
    service: compiled.service,
    host: request.host,
    method: request.method,
    target: request.target,
    rule: `${method} ${leaf.text}`,
    baseScopes: scopes,
    readsBody: readsBody(compiled.ruleset, query),
    readsForm: method === 'POST',
    allowsRanges: leaf.value.allowsRanges,
    allowsUpgrade: leaf.value.allowsUpgrade,
  })
}

function readsBody(ruleset: Ruleset, query: MatchQuery): boolean {
  const hasChecks = !ruleset.additions.isEmpty || !ruleset.guards.isEmpty
  return hasChecks && checksReadBody(checksFor(ruleset, query))
}

/** Whether some rule knows the operation on this host. */
export function isKnownOperation({ ruleset }: CompiledService, query: MatchQuery): boolean {
  return decide(ruleset, query).ok
}

/** Conditions and guards on an operation, from every reading of its path. */
export function checksFor(ruleset: Ruleset, query: MatchQuery): Checks {
  const additions = new Set<Checks['additions'][number]>()
  const guards = new Set(ruleset.everywhere)
  for (const segments of allReadings(query.segments, ruleset.readings)) {
    const asked = pathQuery(query, segments)
    for (const { value } of ruleset.additions.collect(query.method, asked)) additions.add(value)
    for (const { value } of ruleset.guards.collect(query.method, asked)) {
      const isExcepted = value.except.some(
        (pattern) =>
          pattern.methods.includes(query.method) && patternMatches(pattern.segments, segments),
      )
      if (!isExcepted) guards.add(value.guard)
    }
  }
  return { additions: [...additions], guards: [...guards] }
}

function unsupportedReason(ruleset: Ruleset, query: MatchQuery): string | undefined {
  if (ruleset.unsupported.isEmpty) return undefined
  for (const segments of allReadings(query.segments, ruleset.readings)) {
    const leaf = ruleset.unsupported.find(query.method, pathQuery(query, segments))
    if (leaf) return leaf.value
  }
  return undefined
}

interface Decision {
  readonly leaf: Leaf<Rule>
  /** Full names. */
  readonly scopes: readonly string[]
}

/** Every reading that nothing takes the place of must be known; what each asks adds up. */
function decide(ruleset: Ruleset, query: MatchQuery): Result<Decision, MatchProblem> {
  if (!hostServes(query.host, query)) return err({ reason: 'operation_unknown' })
  const readings = primaryReadings(query.segments, ruleset.readings.aliases)
  const scopes = new Set<string>()
  let deciding: Leaf<Rule> | undefined
  for (const { segments, isSuperseded } of readings) {
    const found = decideReading(ruleset, query, segments)
    if (!found.ok) {
      if (isSuperseded && found.error.reason === 'operation_unknown') continue
      return found
    }
    for (const scope of found.value.scopes) scopes.add(scope)
    if (!isSuperseded) deciding ??= found.value.leaf
  }
  if (!deciding) return err({ reason: 'operation_unknown' })
  return ok({ leaf: deciding, scopes: [...scopes] })
}

function decideReading(
  ruleset: Ruleset,
  query: MatchQuery,
  segments: readonly string[],
): Result<Decision, MatchProblem> {
  const plain = look(ruleset, query, segments)
  const short = withoutSuffix(segments, ruleset.readings.suffixes)
  const found = short ? joinSuffix(plain, look(ruleset, query, short)) : plain
  const apart = withSlashesApart(segments)
  return apart && found.ok ? joinSlashes(found.value, look(ruleset, query, apart)) : found
}

interface Look extends Decision {
  readonly scope: Scope
  /** The rule names the last segment: it is not there by a wildcard. */
  readonly namesLast: boolean
}

/**
 * The reading without the suffix decides. The one with it counts as well where a rule names that
 * very spelling, or where it would be the more dangerous one.
 */
function joinSuffix(
  plain: Result<Look, MatchProblem>,
  short: Result<Look, MatchProblem>,
): Result<Decision, MatchProblem> {
  if (isRefusal(plain)) return plain
  if (!short.ok) return plain.ok && plain.value.namesLast && !isRefusal(short) ? plain : short
  if (!plain.ok) return short
  const { namesLast, scope, scopes } = plain.value
  const counts = namesLast || isRiskier(scope.risk, short.value.scope.risk)
  return ok(counts ? join(short.value, scopes) : short.value)
}

/** An upstream that takes `%2F` for a separator sees another operation: if it is one, it counts. */
function joinSlashes(
  found: Decision,
  apart: Result<Look, MatchProblem>,
): Result<Decision, MatchProblem> {
  if (apart.ok) return ok(join(found, apart.value.scopes))
  return isRefusal(apart) ? apart : ok(found)
}

/** A rule says no, as opposed to none saying anything. */
function isRefusal<T>(found: Result<T, MatchProblem>): boolean {
  return !found.ok && found.error.reason !== 'operation_unknown'
}

const join = ({ leaf, scopes }: Decision, more: readonly string[]): Decision => ({
  leaf,
  scopes: [...new Set([...scopes, ...more])],
})

/** One spelling of the path against the rules. */
function look(
  ruleset: Ruleset,
  query: MatchQuery,
  segments: readonly string[],
): Result<Look, MatchProblem> {
  const asked = pathQuery(query, segments)
  const leaf = ruleset.deciding.find(query.method, asked)
  if (!leaf) return err({ reason: 'operation_unknown' })
  const { scope } = leaf.value
  // Found without regard to case: `/V1/Refunds` is the refunds rule's, and spelled wrongly.
  if (!scope || !patternMatches(leaf.segments, segments))
    return err({ reason: 'operation_denied', rule: `${query.method} ${leaf.text}` })
  const last = leaf.segments.at(-1)
  const namesLast = last?.kind === 'literal' || last?.kind === 'glob'
  return ok({
    leaf,
    scope,
    namesLast,
    scopes: baseScopes(ruleset, leaf, { folded: asked.folded, method: query.method }),
  })
}

function pathQuery({ host }: MatchQuery, segments: readonly string[]): PathQuery {
  const folded = segments.map(foldSegment)
  return { segments, folded, host: host.host.name, takesGeneralRules: host.takesGeneralRules }
}

/**
 * The rule's scope; or, where a sensitive word stands in a segment that only a wildcard covered,
 * the scope of that word instead: new endpoints fail safe (CATALOGUE 3.4).
 */
function baseScopes(
  { tripwires }: Ruleset,
  leaf: Leaf<Rule>,
  { folded, method }: { readonly folded: readonly string[]; readonly method: Method },
): readonly string[] {
  const { scope, hasTripwires } = leaf.value
  if (!scope) return []
  if (!hasTripwires || tripwires.length === 0) return [scope.id]
  const tripped = tripwires.filter(
    ({ words, methods }) =>
      methods.has(method) &&
      folded.some((segment, index) => isWild(leaf, index) && words.test(segment)),
  )
  if (tripped.length === 0) return [scope.id]
  const scopes = new Set(tripped.map((wire) => wire.scope.id))
  if (tripped.every((wire) => isRiskier(scope.risk, wire.scope.risk))) scopes.add(scope.id)
  return [...scopes]
}

function isWild({ segments }: Leaf<Rule>, index: number): boolean {
  const part = segments[Math.min(index, segments.length - 1)]
  return part?.kind === 'any' || part?.kind === 'rest'
}
