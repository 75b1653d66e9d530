/** What conditions add and what guards refuse, once headers, query and body are known. */

import { err, ok, type Result } from '../base/result.ts'
import type { Facts, GuardOutcome, Judgement, Operation } from './catalog.ts'
import { judgeCondition, verdictOn, type Condition } from './condition.ts'
import { gatherEvidence, groupTests, type Evidence, type TestGroups } from './evidence.ts'
import type { Guard } from './guard.ts'

/** A `where` rule: its scope is needed too when the condition holds. */
export interface Addition {
  /** Full name. */
  readonly scope: string
  readonly condition: Condition
}

/** Everything beside the base scope that applies to one operation. */
export interface Checks {
  readonly additions: readonly Addition[]
  readonly guards: readonly Guard[]
  readonly tests: TestGroups
}

/** As matching made it: what is to be checked is known with the path. */
export interface MatchedOperation extends Operation {
  readonly checks: Checks
}

export function isMatched(operation: Operation): operation is MatchedOperation {
  return 'checks' in operation
}

export function checksOf(additions: readonly Addition[], guards: readonly Guard[]): Checks {
  const added = additions.flatMap(({ condition }) => condition.tests)
  return { additions, guards, tests: groupTests([...added, ...guards.map(({ test }) => test)]) }
}

/**
 * The scopes that the request needs in all, and the headers to strip; or the first guard's no. At
 * once where no body is to be read.
 */
export function judgeChecks(
  operation: MatchedOperation,
  facts: Facts,
  held: ReadonlySet<string>,
): Verdict | Promise<Verdict> {
  const evidence = gatherEvidence(operation.checks.tests, operation.target, facts)
  const asked = { operation, facts, held }
  return evidence instanceof Promise
    ? evidence.then((found) => conclude(asked, found))
    : conclude(asked, evidence)
}

type Verdict = Result<Judgement, GuardOutcome>

interface AskedChecks {
  readonly operation: MatchedOperation
  readonly facts: Facts
  readonly held: ReadonlySet<string>
}

function conclude({ operation, facts, held }: AskedChecks, evidence: Evidence): Verdict {
  const { checks, baseScopes } = operation
  const scopes = new Set(baseScopes)
  let assumed: string | undefined
  for (const { scope, condition } of checks.additions) {
    // What cannot be told counts as true: it refuses rather than admits.
    const verdict = judgeCondition(condition, evidence)
    if (verdict !== 'fails') scopes.add(scope)
    if (verdict === 'unknown') assumed = evidence.bodyProblem
  }
  const stripHeaders: string[] = []
  for (const guard of checks.guards) {
    const outcome = judgeGuard(guard, evidence, held)
    if (outcome === 'strip') stripHeaders.push(...strippedBy(guard, facts))
    else if (outcome === 'require' && guard.scope !== undefined) scopes.add(guard.scope)
    else if (typeof outcome === 'object') return err(outcome)
  }
  return ok({ scopes: [...scopes], stripHeaders, ...(assumed === undefined ? {} : { assumed }) })
}

function judgeGuard(
  guard: Guard,
  evidence: Evidence,
  held: ReadonlySet<string>,
): GuardOutcome | 'pass' | 'strip' | 'require' {
  const verdict = verdictOn(evidence, guard.test)
  if (verdict === 'fails') return 'pass'
  if (guard.action === 'strip') return 'strip'
  if (guard.scope !== undefined && held.has(guard.scope)) return 'require'
  if (guard.isActingAs)
    return { reason: 'acting_as_not_allowed', field: guard.test.label, needs: guard.scope }
  if (verdict === 'unknown')
    return { reason: 'body_unreadable', problem: evidence.bodyProblem ?? 'the body cannot be read' }
  return { reason: 'guard_denied', guard: guard.test.label, why: guard.why }
}

/** Names as they came: a guard may name a family of headers. */
function strippedBy({ test: { header } }: Guard, { headers }: Facts): readonly string[] {
  const names = headers.map(([name]) => name)
  if (header?.isPrefix !== true) return names.filter((name) => name === header?.name)
  return names.filter((name) => name.startsWith(header.name))
}
