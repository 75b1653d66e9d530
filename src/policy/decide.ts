/** The decision: a grant, what is asked of it, and the time. Nothing else is looked at. */

import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Risk, Scope } from '../catalog/service.ts'
import type { Access } from './access.ts'
import { refuseSource } from './bindings.ts'
import type { StoredGrant } from './grant-store.ts'
import type { Grant } from './grant.ts'
import type { Refusal } from './refusal.ts'

/** From harmless to worst; names what a refusal for several missing scopes is about. */
const RISKS: readonly Risk[] = ['read', 'write', 'destructive', 'money', 'admin', 'secrets']

export interface DecisionFacts {
  readonly now: number
  /** The catalogue's scopes by full name; they tell the risk. */
  readonly scopes: ReadonlyMap<string, Scope>
}

/**
 * Allows an access only if the grant is live, used from where it may be, and holds every scope
 * that the access needs. The first failed check wins. There is no allowance for clock skew: a
 * grant is dead at the very millisecond of `expiresAt` on this process's clock.
 */
export function decide(
  grant: StoredGrant,
  access: Access,
  { now, scopes }: DecisionFacts,
): Result<Grant, Refusal> {
  const dead = refuseDead(grant, now) ?? refuseSource(grant, access.source)
  if (dead) return err(dead)
  if (!grant.services.includes(access.service)) {
    return err({ reason: 'service_not_granted', service: access.service })
  }
  // An access that needs nothing is a matcher's mistake, and no permission.
  if (access.scopes.length === 0) return err({ reason: 'operation_unknown', method: access.method })
  const missing = access.scopes.filter((scope) => !grant.scopes.has(scope))
  if (missing.length > 0) {
    const risk = worstRisk(missing, scopes)
    const { assumed } = access
    return err({
      reason: 'scope_missing',
      missing,
      risk,
      ...(assumed === undefined ? {} : { assumed }),
    })
  }
  return ok(grant)
}

/** Revoked or expired, as far as the grant itself tells; the gate knows about its ancestors. */
export function refuseDead(grant: StoredGrant, now: number): Refusal | undefined {
  const { revokedAt } = grant
  if (revokedAt !== undefined) return { reason: 'token_revoked', revokedAt }
  // Written so that NaN refuses.
  if (!(now < grant.expiresAt)) return { reason: 'token_expired', expiredAt: grant.expiresAt }
  return undefined
}

/** The worst risk among scopes; one that the catalogue does not know counts as the worst of all. */
export function worstRisk(names: readonly string[], scopes: ReadonlyMap<string, Scope>): Risk {
  const ranks = names.map((name) => RISKS.indexOf(scopes.get(name)?.risk ?? 'secrets'))
  return RISKS[Math.max(0, ...ranks)] ?? 'secrets'
}
