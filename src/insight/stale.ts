/**
 * Tokens and agents that nobody needs, or nobody answers for. Grants come in one after the other,
 * since there may be a million of them; only what deserves a word is kept.
 */

import type { Activity } from '../audit/audit-index.ts'
import type { Agent } from '../policy/agent-store.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { allowed } from './calls.ts'
import { commandLine } from './command-line.ts'
import type { Coverage } from './coverage.ts'
import { firstOf, MAX_LISTED, type Listed } from './listed.ts'
import { worstFirst } from './risks.ts'
import type { ScopeBook } from './scope-book.ts'
import { byToken, tokenCard, type TokenCard } from './token-card.ts'

export type TokenFinding = 'unused' | 'never_used' | 'only_refused' | 'long_lived'
export type AgentFinding = 'unused' | 'never_used' | 'ownerless'

export interface StaleToken extends TokenCard {
  readonly findings: readonly TokenFinding[]
  readonly command: string
}

export interface StaleAgent {
  readonly name: string
  readonly owner?: string
  readonly liveTokens: number
  readonly createdAt: number
  /** Absent: never, as far as anybody knows. */
  readonly lastUsedAt?: number
  readonly findings: readonly AgentFinding[]
  /** Absent where none is needed. */
  readonly command?: string
}

export interface StaleReport {
  readonly at: number
  readonly coverage: Coverage
  readonly unusedMs: number
  readonly longLivedMs: number
  /** Live tokens that were looked at. */
  readonly liveTokens: number
  readonly tokens: Listed<StaleToken>
  readonly agents: Listed<StaleAgent>
}

export interface StaleFacts {
  readonly now: number
  readonly coverage: Coverage
  readonly book: ScopeBook
  readonly agents: readonly Agent[]
  /** Since `unusedMs` ago. */
  readonly activities: readonly Activity[]
  /** The last admitted request of each agent that has none in `activities`; absent: never. */
  readonly lastUses: ReadonlyMap<string, number>
  readonly unusedMs: number
  /** A token that is issued for longer than this lives long. */
  readonly longLivedMs: number
}

export interface StaleSurvey {
  /** Takes live grants in, in any order. */
  readonly add: (grants: readonly StoredGrant[]) => void
  readonly report: () => StaleReport
}

interface Tally {
  tokens: number
  lastUsedAt: number
}

export function createStaleSurvey(facts: StaleFacts): StaleSurvey {
  const { now, book, coverage, unusedMs, longLivedMs } = facts
  const refused = new Set(facts.activities.map(({ tokenId }) => tokenId))
  const context = { now, book, activities: byToken(allowed(facts.activities)) }
  const tallies = new Map<string, Tally>()
  let stale: StaleToken[] = []
  let [liveTokens, total] = [0, 0]

  function addOne(grant: StoredGrant): void {
    liveTokens += 1
    const card = tokenCard(grant, context)
    count(tallies, card)
    const findings = tokenFindings(card, facts, refused.has(card.id))
    if (findings.length === 0) return
    total += 1
    stale.push({ ...card, findings, command: commandLine('token', 'revoke', card.id) })
  }

  return {
    add(grants) {
      for (const grant of grants) addOne(grant)
      if (stale.length > 2 * MAX_LISTED) stale = stale.sort(compareTokens).slice(0, MAX_LISTED)
    },
    report: () => ({
      ...{ at: now, coverage, unusedMs, longLivedMs, liveTokens },
      tokens: firstOf(stale.sort(compareTokens), total),
      agents: firstOf(staleAgents(facts, tallies)),
    }),
  }
}

function count(tallies: Map<string, Tally>, { agent, lastUsedAt = 0 }: TokenCard): void {
  const tally = tallies.get(agent) ?? { tokens: 0, lastUsedAt: 0 }
  tallies.set(agent, {
    tokens: tally.tokens + 1,
    lastUsedAt: Math.max(tally.lastUsedAt, lastUsedAt),
  })
}

function tokenFindings(
  { issuedAt, expiresAt, lastUsedAt }: TokenCard,
  { now, unusedMs, longLivedMs }: StaleFacts,
  wasRefused: boolean,
): TokenFinding[] {
  const lifeMs = expiresAt - issuedAt
  const findings: TokenFinding[] = []
  if (lastUsedAt === undefined) {
    // A token that is to live for an hour is late after half of it, not after a month.
    const isLate = now - issuedAt >= Math.min(unusedMs, lifeMs / 2)
    if (isLate) findings.push(wasRefused ? 'only_refused' : 'never_used')
  } else if (now - lastUsedAt >= unusedMs) findings.push('unused')
  if (lifeMs > longLivedMs) findings.push('long_lived')
  return findings
}

function compareTokens(left: StaleToken, right: StaleToken): number {
  return (
    right.findings.length - left.findings.length ||
    worstFirst(left.worstRisk, right.worstRisk) ||
    right.expiresAt - left.expiresAt
  )
}

function staleAgents(facts: StaleFacts, tallies: ReadonlyMap<string, Tally>): StaleAgent[] {
  const uses = new Map(facts.lastUses)
  for (const { agent, lastAt } of allowed(facts.activities))
    uses.set(agent, Math.max(uses.get(agent) ?? 0, lastAt))
  const enabled = facts.agents.filter(({ disabledAt }) => disabledAt === undefined)
  return enabled
    .map((agent) => {
      const { tokens = 0, lastUsedAt = 0 } = tallies.get(agent.name) ?? {}
      return judgeAgent(agent, facts, {
        liveTokens: tokens,
        usedAt: Math.max(lastUsedAt, uses.get(agent.name) ?? 0),
      })
    })
    .filter(({ findings }) => findings.length > 0)
    .sort(
      (left, right) =>
        right.liveTokens - left.liveTokens || right.findings.length - left.findings.length,
    )
}

function judgeAgent(
  { name, owner, createdAt }: Agent,
  { now, unusedMs }: StaleFacts,
  { liveTokens, usedAt }: { readonly liveTokens: number; readonly usedAt: number },
): StaleAgent {
  const findings: AgentFinding[] = []
  const isNew = now - createdAt < unusedMs
  if (usedAt === 0 && !isNew) findings.push('never_used')
  if (usedAt > 0 && now - usedAt >= unusedMs) findings.push('unused')
  if (owner === undefined) findings.push('ownerless')
  const isIdle = findings.some((finding) => finding !== 'ownerless')
  return {
    ...{ name, liveTokens, createdAt, findings },
    ...(owner === undefined ? {} : { owner }),
    ...(usedAt === 0 ? {} : { lastUsedAt: usedAt }),
    ...(isIdle ? { command: commandLine('agent', 'disable', name) } : {}),
  }
}
