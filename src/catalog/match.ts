/** From method, host and path to the operation: which rule decides, and what scopes it asks. */

import { err, ok, type Result } from '../base/result.ts'
import type { SecretField } from './answer-secrets.ts'
import type { Apis } from './apis.ts'
import type { MatchProblem, Target } from './catalog.ts'
import { looksAtBody } from './condition.ts'
import { hostServes, type CompiledHost, type HostQuery } from './host.ts'
import type { Guard } from './guard.ts'
import { checksOf, type Addition, type Checks, type MatchedOperation } from './judge.ts'
import { foldSegment, patternMatches, type Method } from './path.ts'
import { readPath, type Reading } from './readings.ts'
import { isRiskier } from './risk.ts'
import type { BoundGuard, Rule, Ruleset } from './ruleset.ts'
import type { Scope, Service, UsageRule } from './service.ts'
import type { Leaf, PathQuery } from './trie.ts'

export interface CompiledService {
  readonly service: Service
  readonly hosts: ReadonlyMap<string, CompiledHost>
  readonly ruleset: Ruleset
  /** Empty for all but services whose requests are signed. */
  readonly apis: Apis
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
): Result<MatchedOperation, MatchProblem> {
  const method = judgedMethod(request.method)
  if (!method) return err({ reason: 'method_not_allowed' })
  const host = compiled.hosts.get(request.host)
  if (!host) return err({ reason: 'operation_unknown' })
  const { path, segments } = request.target
  const asked = readQuery(compiled.ruleset, { method, host, path, segments })
  const why = unsupportedReason(asked)
  if (why !== undefined) return err({ reason: 'operation_unsupported', why })
  const decision = decide(asked)
  if (!decision.ok) return decision
  const { leaf, scopes } = decision.value
  const { checks, readsBody } = checksFor(asked)
  return ok({
    service: compiled.service,
    host: request.host,
    method: request.method,
    target: request.target,
    rule: `${method} ${leaf.text}`,
    baseScopes: scopes,
    checks,
    readsBody,
    readsForm: true,
    allowsRanges: leaf.value.allowsRanges,
    allowsUpgrade: leaf.value.allowsUpgrade,
    usage: usageOf(asked),
    secretFields: secretFieldsOf(asked),
  })
}

/** Whether some rule knows the operation on this host. */
export function isKnownOperation({ ruleset }: CompiledService, query: MatchQuery): boolean {
  return decide(readQuery(ruleset, query)).ok
}

/** Conditions and guards on an operation, from every reading of its path. */
function checksFor({ ruleset, query: { method }, paths }: Asked): {
  readonly checks: Checks
  readonly readsBody: boolean
} {
  const general = { checks: ruleset.general, readsBody: false }
  if (ruleset.additions.isEmpty && ruleset.guards.isEmpty) return general
  const additions = new Set<Addition>()
  const guards = new Set<Guard>()
  for (const path of paths) {
    for (const { value } of ruleset.additions.collect(method, path)) additions.add(value)
    for (const { value } of ruleset.guards.collect(method, path))
      if (!isExcepted(value, method, path)) guards.add(value.guard)
  }
  if (additions.size + guards.size === 0) return general
  const readsBody =
    [...additions].some(({ condition }) => condition.tests.some(looksAtBody)) ||
    [...guards].some(({ test }) => looksAtBody(test))
  return { checks: checksOf([...additions], [...ruleset.general.guards, ...guards]), readsBody }
}

/** A request with all readings of its path, in the form that the tries are asked in. */
interface Asked {
  readonly ruleset: Ruleset
  readonly query: MatchQuery
  readonly readings: readonly AskedReading[]
  /** Every spelling of every reading. */
  readonly paths: readonly PathQuery[]
}

interface AskedReading {
  readonly plain: PathQuery
  readonly short: PathQuery | undefined
  readonly apart: PathQuery | undefined
  readonly isSuperseded: boolean
}

function readQuery(ruleset: Ruleset, query: MatchQuery): Asked {
  const readings = readPath(query.segments, ruleset.readings).map((found) => ask(query, found))
  const paths: PathQuery[] = []
  for (const { plain, short, apart } of readings) {
    paths.push(plain)
    if (short) paths.push(short)
    if (apart) paths.push(apart)
  }
  return { ruleset, query, readings, paths }
}

function ask(query: MatchQuery, { segments, short, apart, isSuperseded }: Reading): AskedReading {
  return {
    plain: pathQuery(query, segments),
    short: short && pathQuery(query, short),
    apart: apart && pathQuery(query, apart),
    isSuperseded,
  }
}

function pathQuery({ host }: MatchQuery, segments: readonly string[]): PathQuery {
  const folded = segments.map(foldSegment)
  return { segments, folded, host: host.host.name, takesGeneralRules: host.takesGeneralRules }
}

function unsupportedReason({ ruleset: { unsupported }, query, paths }: Asked): string | undefined {
  if (unsupported.isEmpty) return undefined
  for (const path of paths) {
    const leaf = unsupported.find(query.method, path)
    if (leaf) return leaf.value
  }
  return undefined
}

/** By the path as it is written: a second reading changes what is asked for, not what is told. */
function usageOf({ ruleset: { usage }, query, readings }: Asked): UsageRule | undefined {
  const [first] = readings
  return usage.isEmpty || !first ? undefined : usage.find(query.method, first.plain)?.value
}

/** By every reading of the path. */
function secretFieldsOf({ ruleset, query, paths }: Asked): readonly SecretField[] | undefined {
  const { answerSecrets } = ruleset
  if (answerSecrets.isEmpty) return undefined
  const found = paths.flatMap((path) => answerSecrets.collect(query.method, path))
  return found.length === 0 ? undefined : [...new Set(found.flatMap(({ value }) => value))]
}

function isExcepted({ except }: BoundGuard, method: Method, { segments }: PathQuery): boolean {
  return except.some(
    (pattern) => pattern.methods.includes(method) && patternMatches(pattern.segments, segments),
  )
}

interface Decision {
  readonly leaf: Leaf<Rule>
  /** Full names. */
  readonly scopes: readonly string[]
}

const UNKNOWN = err({ reason: 'operation_unknown' } as const)

/** Every reading that nothing takes the place of must be known; what each asks adds up. */
function decide(asked: Asked): Result<Decision, MatchProblem> {
  if (!hostServes(asked.query.host, asked.query)) return UNKNOWN
  const scopes: (readonly string[])[] = []
  let leaf: Leaf<Rule> | undefined
  for (const reading of asked.readings) {
    const found = decideReading(asked, reading)
    if (!found.ok) {
      if (reading.isSuperseded && !isRefusal(found)) continue
      return found
    }
    scopes.push(found.value.scopes)
    if (!reading.isSuperseded) leaf ??= found.value.leaf
  }
  const [first = [], ...others] = scopes
  return leaf ? ok(others.reduce(join, { leaf, scopes: first })) : UNKNOWN
}

function decideReading(asked: Asked, reading: AskedReading): Result<Decision, MatchProblem> {
  const plain = look(asked, reading.plain)
  const found = reading.short ? joinSuffix(plain, look(asked, reading.short)) : plain
  return reading.apart && found.ok ? joinSlashes(found.value, look(asked, reading.apart)) : found
}

interface Look extends Decision {
  readonly scope: Scope
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
  if (!short.ok) return plain.ok && namesLast(plain.value) && !isRefusal(short) ? plain : short
  if (!plain.ok) return short
  const { scope, scopes } = plain.value
  const counts = namesLast(plain.value) || isRiskier(scope.risk, short.value.scope.risk)
  return ok(counts ? join(short.value, scopes) : short.value)
}

/** The rule names the last segment: it is not there by a wildcard. */
function namesLast({ leaf }: Look): boolean {
  const last = leaf.segments.at(-1)
  return last?.kind === 'literal' || last?.kind === 'glob'
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
function look({ ruleset, query }: Asked, path: PathQuery): Result<Look, MatchProblem> {
  const leaf = ruleset.deciding.find(query.method, path)
  if (!leaf) return UNKNOWN
  const { scope } = leaf.value
  // Found without regard to case: `/V1/Refunds` is the refunds rule's, and spelled wrongly.
  if (!scope || !patternMatches(leaf.segments, path.segments))
    return err({ reason: 'operation_denied', rule: `${query.method} ${leaf.text}` })
  return ok({
    leaf,
    scope,
    scopes: baseScopes(ruleset, leaf, { folded: path.folded, method: query.method }),
  })
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
  const { scope, scopes, hasTripwires } = leaf.value
  if (!scope || !hasTripwires || tripwires.length === 0) return scopes
  const tripped = tripwires.filter(
    ({ words, methods }) =>
      methods.has(method) &&
      folded.some((segment, index) => isWild(leaf, index) && words.test(segment)),
  )
  if (tripped.length === 0) return scopes
  const names = new Set(tripped.map((wire) => wire.scope.id))
  // A word may move a request to a more dangerous scope, never to a lesser one.
  if (tripped.every((wire) => isRiskier(scope.risk, wire.scope.risk))) names.add(scope.id)
  return [...names]
}

function isWild({ segments }: Leaf<Rule>, index: number): boolean {
  const part = segments[Math.min(index, segments.length - 1)]
  return part?.kind === 'any' || part?.kind === 'rest'
}
