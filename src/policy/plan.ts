/**
 * From what an operator asks for to the grant that is stored, or to the first thing wrong with
 * it. Pure: who asks, the catalogue, the agent, the parent and the time all come in.
 */

import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Scope } from '../catalog/service.ts'
import { isAgentName } from './agent-name.ts'
import type { Agent } from './agent-store.ts'
import { MAX_CHAIN_LENGTH, narrowBindings, narrowLimits } from './attenuation.ts'
import { checkBindings } from './bindings.ts'
import { formatDuration } from './duration.ts'
import type { Bindings, Grant, Limits } from './grant.ts'
import { limitsProblem } from './limits.ts'
import { parseScopes, servicesOf } from './scopes.ts'

export interface GrantRequest {
  /** A list as text, or names one by one. */
  readonly scopes: string | readonly string[]
  readonly ttlSeconds?: number
  readonly bindings?: Bindings
  readonly limits?: Limits
  readonly sessionId?: string
}

export interface GrantContext {
  /** The new grant's public id. */
  readonly id: string
  readonly scopes: ReadonlyMap<string, Scope>
  readonly agent: Agent
  /** Operator's name, or `mt:<id>`. */
  readonly issuedBy: string
  readonly defaults: { readonly defaultTtlSeconds: number; readonly maxTtlSeconds: number }
  readonly parent?: Grant
  readonly now: number
}

export interface IssueProblem {
  readonly field: 'agent' | 'scopes' | 'ttl' | 'bindings' | 'limits' | 'parent'
  /** One sentence for the operator. */
  readonly problem: string
  /** A valid name that may have been meant. */
  readonly nearest?: string
}

/** Makes a grant of a request, or says what is wrong with it. */
export function planGrant(
  request: GrantRequest,
  context: GrantContext,
): Result<Grant, IssueProblem> {
  const standing = standingProblem(context)
  if (standing) return err(standing)
  const scopes = planScopes(request, context)
  if (!scopes.ok) return scopes
  const expiresAt = planExpiry(request.ttlSeconds, context)
  if (!expiresAt.ok) return expiresAt
  const bindings = planBindings(request, context)
  if (!bindings.ok) return bindings
  const limits = planLimits(request, context)
  if (!limits.ok) return limits
  const { agent, parent } = context
  return ok({
    id: context.id,
    agent: agent.name,
    agentGeneration: agent.generation,
    ...(request.sessionId === undefined ? {} : { sessionId: request.sessionId }),
    scopes: scopes.value,
    services: servicesOf(scopes.value),
    chain: parent ? [...parent.chain, parent.id] : [],
    issuedBy: context.issuedBy,
    issuedAt: context.now,
    expiresAt: expiresAt.value,
    bindings: bindings.value,
    limits: limits.value,
  })
}

function standingProblem({ agent, parent, now }: GrantContext): IssueProblem | undefined {
  if (!isAgentName(agent.name)) {
    return {
      field: 'agent',
      problem: 'an agent name has 1 to 64 letters, digits, dots, underscores or hyphens',
    }
  }
  if (agent.disabledAt !== undefined) {
    return { field: 'agent', problem: `${agent.name} is disabled: agent enable allows new tokens` }
  }
  if (!parent) return undefined
  if (!(now < parent.expiresAt)) return { field: 'parent', problem: 'the parent token has expired' }
  if (parent.chain.length >= MAX_CHAIN_LENGTH) {
    return { field: 'parent', problem: `a token has at most ${MAX_CHAIN_LENGTH} ancestors` }
  }
  return undefined
}

function planScopes(
  request: GrantRequest,
  { scopes: known, parent }: GrantContext,
): Result<ReadonlySet<string>, IssueProblem> {
  const parsed = parseScopes(request.scopes, known)
  if (!parsed.ok) return err({ field: 'scopes', ...parsed.error })
  const extra = parent && [...parsed.value].find((scope) => !parent.scopes.has(scope))
  if (extra === undefined) return parsed
  return err({ field: 'scopes', problem: `the parent token does not hold ${extra}` })
}

function planExpiry(
  ttlSeconds: number | undefined,
  { defaults, parent, now }: GrantContext,
): Result<number, IssueProblem> {
  const { defaultTtlSeconds, maxTtlSeconds } = defaults
  const latest = parent?.expiresAt ?? Infinity
  if (ttlSeconds === undefined) {
    return ok(Math.min(now + Math.min(defaultTtlSeconds, maxTtlSeconds) * 1000, latest))
  }
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds <= 0) {
    return err({ field: 'ttl', problem: 'a lifetime is a whole number of seconds above zero' })
  }
  if (ttlSeconds > maxTtlSeconds) {
    const longest = formatDuration(maxTtlSeconds)
    return err({ field: 'ttl', problem: `a token lives at most ${longest} here`, nearest: longest })
  }
  const expiresAt = now + ttlSeconds * 1000
  if (expiresAt <= latest) return ok(expiresAt)
  return err({ field: 'ttl', problem: 'it would outlive its parent token' })
}

function planBindings(
  request: GrantRequest,
  { parent }: GrantContext,
): Result<Bindings, IssueProblem> {
  const checked = checkBindings(request.bindings ?? {})
  const bindings = checked.ok ? narrowBindings(parent?.bindings ?? {}, checked.value) : checked
  return bindings.ok ? bindings : err({ field: 'bindings', problem: bindings.error })
}

function planLimits(request: GrantRequest, { parent }: GrantContext): Result<Limits, IssueProblem> {
  const limits = request.limits ?? {}
  const problem = limitsProblem(limits)
  if (problem !== undefined) return err({ field: 'limits', problem })
  const narrowed = narrowLimits(parent?.limits ?? {}, limits)
  return narrowed.ok ? narrowed : err({ field: 'limits', problem: narrowed.error })
}
