/** A token as reports show it: the grant, and what the audit knows of its use. */

import type { Activity } from '../audit/audit-index.ts'
import type { Risk } from '../catalog/service.ts'
import { defined } from '../policy/defined.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import type { Bindings, Limits } from '../policy/grant.ts'
import { worstOf } from './risks.ts'
import type { ScopeBook } from './scope-book.ts'

export interface TokenCard {
  readonly id: string
  readonly agent: string
  readonly status: 'live' | 'expired' | 'revoked'
  readonly issuedBy: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly revokedAt?: number
  /** Absent: never, as far as anybody knows. */
  readonly lastUsedAt?: number
  /** Of the last request in the window. */
  readonly lastSource?: string
  readonly scopes: readonly string[]
  readonly worstRisk: Risk
  readonly bindings: Bindings & { readonly boundAddress?: string }
  readonly limits: Limits
  /** Ids of the ancestors, root first. */
  readonly chain: readonly string[]
  /** Requests that were let in during the window. */
  readonly calls: number
}

export interface TokenFacts {
  readonly book: ScopeBook
  readonly now: number
  /** Of the window; rows of other tokens do not matter. */
  readonly activities: ReadonlyMap<string, readonly Activity[]>
  /** When ancestors were revoked, by their ids. */
  readonly dead?: ReadonlyMap<string, number>
}

/** The rows of each token. */
export function byToken(activities: readonly Activity[]): ReadonlyMap<string, Activity[]> {
  return Map.groupBy(activities, ({ tokenId }) => tokenId)
}

export function tokenCard(grant: StoredGrant, facts: TokenFacts): TokenCard {
  const uses = (facts.activities.get(grant.id) ?? []).filter(({ decision }) => decision === 'allow')
  const last = uses.toSorted((left, right) => right.lastAt - left.lastAt)[0]
  const revokedAt = revokedAtOf(grant, facts)
  const usedAt = Math.max(grant.lastUsedAt ?? 0, last?.lastAt ?? 0)
  return defined({
    id: grant.id,
    agent: grant.agent,
    status: statusOf(grant, revokedAt, facts),
    issuedBy: grant.issuedBy,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    revokedAt,
    lastUsedAt: usedAt === 0 ? undefined : usedAt,
    lastSource: last?.lastSource,
    scopes: [...grant.scopes].sort(),
    worstRisk: worstRiskOf(grant, facts.book),
    bindings: defined({ ...grant.bindings, boundAddress: grant.boundAddress }),
    limits: grant.limits,
    chain: grant.chain,
    calls: uses.reduce((sum, { count }) => sum + count, 0),
  })
}

function worstRiskOf({ scopes }: StoredGrant, book: ScopeBook): Risk {
  return worstOf([...scopes].map((scope) => book(scope).risk)) ?? 'read'
}

function statusOf(
  { expiresAt }: StoredGrant,
  revokedAt: number | undefined,
  { now }: TokenFacts,
): TokenCard['status'] {
  if (revokedAt !== undefined) return 'revoked'
  return now < expiresAt ? 'live' : 'expired'
}

/** By itself, or with what stands above it. */
function revokedAtOf(
  { revokedAt, chain }: StoredGrant,
  { dead }: Pick<TokenFacts, 'dead'>,
): number | undefined {
  const times = [revokedAt, ...chain.map((id) => dead?.get(id))].filter((at) => at !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}
