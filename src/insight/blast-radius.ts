/**
 * What somebody could do with an agent, a token or a credential, what was done with it, and what
 * ends that. Everything comes in as values; api/reports gathers it.
 */

import type { Risk } from '../catalog/service.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { agentCards, type AgentCard } from './blast-radius-agents.ts'
import { credentialCard, type CredentialCard } from './blast-radius-credentials.ts'
import type { BlastRadiusFacts, Subject } from './blast-radius-facts.ts'
import { scopeCards, type ScopeCard } from './blast-radius-scopes.ts'
import { calledOf, refusedOf, type Called, type Refused } from './calls.ts'
import { containmentOf, type Step } from './containment.ts'
import type { Coverage, Window } from './coverage.ts'
import { firstOf, type Listed } from './listed.ts'
import { worstFirst } from './risks.ts'
import { byToken, tokenCard, type TokenCard } from './token-card.ts'

export interface BlastRadius {
  readonly subject: Subject
  readonly at: number
  readonly coverage: Coverage
  /** Of what the live tokens allow; absent when none is live, whatever others could do before. */
  readonly worstRisk?: Risk
  readonly agents: readonly AgentCard[]
  readonly tokens: Listed<TokenCard>
  readonly ancestors: readonly TokenCard[]
  readonly descendants: Listed<TokenCard>
  /** Of the subject and below it: they lived in the window, and do not any more. */
  readonly ended: Listed<TokenCard>
  /** Of all these tokens, those above aside. */
  readonly scopes: readonly ScopeCard[]
  readonly credentials: readonly CredentialCard[]
  readonly called: Listed<Called>
  readonly refused: Listed<Refused>
  /** What to do, the most effective first. */
  readonly containment: readonly Step[]
}

export function blastRadius(facts: BlastRadiusFacts): BlastRadius {
  const { subject, now, book, activities } = facts
  const all = [...facts.ancestors, ...facts.tokens.items, ...facts.ended.items]
  const dead = new Map(
    all.flatMap(({ id, revokedAt }) => (revokedAt === undefined ? [] : [[id, revokedAt] as const])),
  )
  const context = { book, now, dead, activities: byToken(activities) }
  const cards = (grants: readonly StoredGrant[]) =>
    grants
      .map((grant) => tokenCard(grant, context))
      .sort(
        (left, right) => worstFirst(left.worstRisk, right.worstRisk) || right.calls - left.calls,
      )
  const tokens = cards(facts.tokens.items)
  const descendants = cards(facts.descendants.items)
  const live = [...tokens, ...descendants].filter(({ status }) => status === 'live')
  const isOver = (card: TokenCard) => card.status !== 'live' && livedIn(facts.coverage, card)
  const over = cards(facts.ended.items).filter(isOver)
  const ended = [...[...tokens, ...descendants].filter(isOver), ...over]
  const called = calledOf(activities, book)
  const scopes = scopeCards(scopesOf(facts, [...live, ...ended]), { live, ended, called, book })
  const credentials = facts.credentials.map((known) =>
    credentialCard(known, { scopes, activities }),
  )
  const worst = scopes.find((scope) => scope.tokens > 0)
  return {
    ...{ subject, at: now, coverage: facts.coverage, scopes, credentials },
    ...(worst && { worstRisk: worst.risk }),
    agents: agentCards(facts, { live, ended }),
    tokens: firstOf(tokens, facts.tokens.total),
    ancestors: facts.ancestors.map((grant) => tokenCard(grant, context)),
    descendants: firstOf(descendants, facts.descendants.total),
    ended: firstOf(over),
    called: firstOf(called),
    refused: firstOf(refusedOf(activities)),
    containment: containmentOf(facts, { live, credentials }),
  }
}

/** Whether it could be used at some time of the window. */
function livedIn({ since, until }: Window, { issuedAt, expiresAt, revokedAt }: TokenCard): boolean {
  return issuedAt < until && Math.min(expiresAt, revokedAt ?? expiresAt) > since
}

/** All that these tokens hold; of a credential only what leads to it. */
function scopesOf({ subject, book }: BlastRadiusFacts, tokens: readonly TokenCard[]): string[] {
  const held = [...new Set(tokens.flatMap(({ scopes }) => scopes))]
  if (subject.kind !== 'credential') return held
  return held.filter((scope) => book(scope).credential === subject.name)
}
