/** Steps 3 to 5 of the road: a recognised request, reduced to the one question that policy asks. */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Parameters } from '../../audit/audit-log.ts'
import type { OtherBody, ParameterSource } from '../../audit/parameters.ts'
import type { MatchProblem, Operation } from '../../catalog/catalog.ts'
import { parseTarget } from '../../catalog/target.ts'
import type { Access } from '../../policy/access.ts'
import type { Grant } from '../../policy/grant.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { Caller } from '../admission.ts'
import { credentialName, originOf } from './destination.ts'
import type { Directory } from './directory.ts'
import { describableBody } from './describable-body.ts'
import type { ReadRequest } from './facts.ts'
import type { Route } from './route.ts'

/** Which fields of a request may stand in its record, and how. */
export type DescribeParameters = (source: Omit<ParameterSource, 'key'>) => Parameters

/** Finds the operation that a routed request names. */
export function findOperation(
  { service, namedHost, target: raw, meantService }: Route,
  method: string,
  { catalog }: Directory,
): Result<Operation, Refusal> {
  if (!service.support.ready) {
    const { why } = service.support
    return err({ reason: 'service_unsupported', service: service.id, why })
  }
  const target = parseTarget(raw, { allowEncodedSlash: service.allowEncodedSlash })
  if (!target.ok) return err({ reason: 'target_not_canonical', problem: target.error.problem })
  const host = catalog.resolveHost(service, { named: namedHost, method, target: target.value })
  if (!host.ok) return host
  const operation = catalog.match(service, { method, host: host.value, target: target.value })
  if (operation.ok) return operation
  // `/openai/v1/models` with a token for Stripe only: the mistake is the service, not the path.
  if (meantService !== undefined && operation.error.reason === 'operation_unknown') {
    return err({ reason: 'service_not_granted', service: meantService })
  }
  return err(refuseMatch(operation.error, service.id, method))
}

function refuseMatch(problem: MatchProblem, service: string, method: string): Refusal {
  switch (problem.reason) {
    case 'operation_unknown':
    case 'method_not_allowed':
      return { reason: problem.reason, method }
    case 'operation_unsupported':
      return { reason: 'service_unsupported', service, why: problem.why }
    case 'operation_denied':
      return { reason: 'guard_denied', guard: problem.rule, why: 'the service forbids it to all' }
  }
}

export interface JudgeRequest {
  readonly caller: Caller
  readonly grant: Grant
  readonly operation: Operation
  /** Undefined when the base scope is missing: then nothing was read, and nothing is asked. */
  readonly read: ReadRequest | undefined
}

/** What is asked for, once conditions and guards had their say. */
export interface JudgedRequest {
  readonly access: Access
  readonly parameters: Parameters
  /** Lower-case names of headers that guards strip. */
  readonly stripHeaders: readonly string[]
}

/** Asks the rules about everything but the path. */
export async function judgeRequest(
  asked: JudgeRequest,
  { catalog }: Directory,
  describeParameters: DescribeParameters,
): Promise<Result<JudgedRequest, Refusal>> {
  const { grant, operation, read } = asked
  const { query } = operation.target
  const rules = operation.service.redact
  if (!read) {
    const access = accessOf(asked, operation.baseScopes)
    return ok({ access, parameters: describeParameters({ query, rules }), stripHeaders: [] })
  }
  const { facts, held } = read
  const judgement = await catalog.judge(operation, facts, grant.scopes)
  if (!judgement.ok) return judgement
  const { scopes, stripHeaders, assumed } = judgement.value
  const parameters = describeParameters({
    ...{ query, rules },
    ...(held && describableBody(wholeBody(held.bytes), facts)),
  })
  const access = accessOf(asked, scopes)
  if (assumed === undefined) return ok({ access, parameters, stripHeaders })
  return ok({ access: { ...access, assumed }, parameters, stripHeaders })
}

function accessOf({ operation, caller }: JudgeRequest, scopes: readonly string[]): Access {
  const { service, host, method, target, rule } = operation
  return {
    requestId: caller.requestId,
    receivedAt: caller.receivedAt,
    service: service.id,
    host,
    method,
    path: target.path,
    rule,
    scopes,
    credential: credentialName(operation),
    origin: originOf(service, host),
    source: caller.source,
  }
}

const wholeBody = (bytes: Buffer): OtherBody => ({ bytes, length: bytes.length, isWhole: true })
