/**
 * Issuing a phantom token: everything that can be wrong is found before the record is written,
 * and the record is durable before the token exists.
 */

import { Failure } from '../base/errors.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Service } from '../catalog/service.ts'
import type { Agent } from '../policy/agent-store.ts'
import { parseBindings } from '../policy/bindings.ts'
import { parseDuration } from '../policy/duration.ts'
import type { Grant } from '../policy/grant.ts'
import { parseLimits } from '../policy/limits.ts'
import { planGrant, type GrantRequest, type IssueProblem } from '../policy/plan.ts'
import type { KeyPair } from '../token/key-pair.ts'
import { mintToken, tokenModeOf } from '../token/token.ts'
import type { ChangeLog } from './changes.ts'
import type { ApiParts } from './parts.ts'
import type { ApiProblem } from './problem.ts'
import type { Caller } from './route.ts'

/** What an operator asks for, in the operator's words. */
interface IssueWords {
  /** The new token's public id. */
  readonly id: string
  readonly agent: string
  readonly scopes: string | readonly string[]
  readonly ttl?: string | undefined
  readonly format?: 'opaque' | 'jwt' | undefined
  readonly bind?: readonly string[] | undefined
  readonly maxRequests?: number | undefined
  readonly rate?: string | undefined
  readonly owner?: string | undefined
}

interface IssuedToken {
  readonly token: string
  readonly id: string
  readonly agent: string
  readonly scopes: string[]
  readonly expiresAt: number
  /** Where a service of the grant takes signatures instead of keys. */
  readonly keyPair?: KeyPair
}

type Issue = (caller: Caller, words: IssueWords) => Promise<Result<IssuedToken, ApiProblem>>

export function createIssuance(parts: ApiParts, changes: ChangeLog): Issue {
  return async (caller, words) => {
    const known = await parts.stores.agents.find(words.agent)
    if (known?.disabledAt !== undefined) return err(disabled(words.agent))
    const planned = plan(parts, { caller, words, agent: known ?? newcomer(words, caller.at) })
    if (!planned.ok) return planned
    const unusable = await unusableProblem(parts, planned.value)
    if (unusable) return err(unusable)
    const change = {
      action: 'token.issue',
      target: planned.value.id,
      details: detailsOf(planned.value, words, known === undefined),
    }
    return await changes.grant(caller, change, () => store(parts, planned.value, words))
  }
}

interface Plan {
  readonly caller: Caller
  readonly words: IssueWords
  readonly agent: Agent
}

function plan(parts: ApiParts, { caller, words, agent }: Plan): Result<Grant, ApiProblem> {
  const request = requestOf(words)
  const planned = request.ok
    ? planGrant(request.value, {
        id: words.id,
        scopes: parts.catalog().scopes,
        agent,
        issuedBy: caller.operator.name,
        defaults: parts.lifetimes,
        now: caller.at,
      })
    : request
  if (!planned.ok) return err(asProblem(planned.error))
  return ok(words.format === 'jwt' ? endingOnSecond(planned.value) : planned.value)
}

/** A JWT's `exp` is whole seconds, and what we say must be what it says. */
function endingOnSecond(grant: Grant): Grant {
  return { ...grant, expiresAt: grant.expiresAt - (grant.expiresAt % 1000) }
}

/** Reads the operator's words: durations, bindings and limits are text until here. */
function requestOf(words: IssueWords): Result<GrantRequest, IssueProblem> {
  const { ttl, bind = [], maxRequests, rate } = words
  const ttlSeconds = ttl === undefined ? undefined : parseDuration(ttl)
  if (ttl !== undefined && ttlSeconds === undefined)
    return err({ field: 'ttl', problem: 'a lifetime is written as 90s, 30m, 4h or 1d12h' })
  const bindings = parseBindings(bind)
  if (!bindings.ok) return err({ field: 'bindings', problem: bindings.error })
  const limits = parseLimits({
    ...(maxRequests === undefined ? {} : { maxRequests: String(maxRequests) }),
    ...(rate === undefined ? {} : { rate }),
  })
  if (!limits.ok) return err({ field: 'limits', problem: limits.error })
  return ok({
    scopes: words.scopes,
    bindings: bindings.value,
    limits: limits.value,
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  })
}

const CODES = {
  agent: 'invalid_request',
  scopes: 'scope_unknown',
  ttl: 'ttl_invalid',
  bindings: 'invalid_request',
  limits: 'invalid_request',
  parent: 'invalid_request',
} as const satisfies Record<IssueProblem['field'], ApiProblem['code']>

function asProblem({ field, problem, nearest }: IssueProblem): ApiProblem {
  return {
    code: CODES[field],
    detail: nearest === undefined ? `${problem}.` : `${problem}. Did you mean ${nearest}?`,
    errors: [{ field, message: problem }],
    ...(nearest === undefined ? {} : { nearest: [nearest] }),
  }
}

/** A token that could not call anything is refused now rather than at its first request. */
async function unusableProblem(parts: ApiParts, grant: Grant): Promise<ApiProblem | undefined> {
  const { services, scopes } = parts.catalog()
  const needed = new Set<string>()
  for (const scope of grant.scopes) {
    const service = services.get(scope.slice(0, scope.indexOf(':')))
    if (!service) continue
    if (!service.support.ready) return unsupported(service, service.support.why)
    if (service.credentialForms.length > 0)
      needed.add(credentialOf(service, scopes.get(scope)?.name))
  }
  for (const name of needed)
    if (!(await parts.isCredentialConfigured(name))) return notConfigured(name)
  return undefined
}

function credentialOf(service: Service, scopeName = ''): string {
  return service.credentialSplits.get(scopeName) ?? service.credential
}

async function store(
  { stores, digestOf, keyPairOf, catalog, mintJwt, instance }: ApiParts,
  planned: Grant,
  { format, owner }: IssueWords,
): Promise<Result<IssuedToken, ApiProblem>> {
  const agent = await stores.agents.ensure(planned.agent, owner, planned.issuedAt)
  const grant = { ...planned, agentGeneration: agent.generation }
  const token =
    format === 'jwt'
      ? mintShort(mintJwt, grant)
      : mintToken('pt', tokenModeOf(instance.environment))
  if (token === undefined) return err(tooLong)
  // False when the agent was disabled while we were busy: that revocation wins.
  if (!(await stores.grants.insert(grant, digestOf(token)))) return err(disabled(grant.agent))
  const { id, expiresAt } = grant
  const issued = { token, id, agent: grant.agent, scopes: [...grant.scopes], expiresAt }
  const isSigning = grant.services.some((one) => catalog().services.get(one)?.isSigned === true)
  return ok(isSigning ? { ...issued, keyPair: keyPairOf(id) } : issued)
}

/** Undefined when the JWT would fit into no header. */
function mintShort(mintJwt: ApiParts['mintJwt'], grant: Grant): string | undefined {
  try {
    return mintJwt(grant)
  } catch (error) {
    if (error instanceof Failure && error.code === 'refused') return undefined
    throw error
  }
}

const tooLong: ApiProblem = {
  code: 'invalid_request',
  detail: 'A JWT with this many scopes fits into no header: ask for fewer, or for an opaque token.',
}

function newcomer({ agent, owner }: IssueWords, now: number): Agent {
  return { id: '', name: agent, owner, generation: 0, disabledAt: undefined, createdAt: now }
}

function detailsOf(grant: Grant, { format = 'opaque', owner }: IssueWords, isNewAgent: boolean) {
  return {
    agent: grant.agent,
    scopes: [...grant.scopes],
    expiresAt: grant.expiresAt,
    format,
    bindings: grant.bindings,
    limits: grant.limits,
    ...(isNewAgent ? { newAgent: true, owner } : {}),
  }
}

const disabled = (agent: string): ApiProblem => ({
  code: 'agent_disabled',
  detail: `${agent} is disabled and gets no tokens. "apistronghold agent enable ${agent}" allows new ones.`,
})

const unsupported = ({ name }: Service, why: string): ApiProblem => ({
  code: 'service_unsupported',
  detail: `${name} cannot be used with this release: ${why}.`,
})

const notConfigured = (name: string): ApiProblem => ({
  code: 'credential_not_configured',
  detail: `There is no credential for ${name}. Store one with "apistronghold secret set ${name}".`,
})
