/** Gathers what the report on stale tokens and agents is worked out from. */

import { createScopeBook } from '../../insight/scope-book.ts'
import { createStaleSurvey, type StaleReport } from '../../insight/stale.ts'
import type { ReportParts } from './blast-radius.ts'
import { readCoverage, withGaps } from './coverage.ts'
import { visitGrants } from './grants.ts'

export interface StaleQuestion {
  readonly unusedMs: number
  readonly longLivedMs: number
}

export async function readStale(
  parts: ReportParts,
  { unusedMs, longLivedMs }: StaleQuestion,
): Promise<StaleReport> {
  const { stores, auditIndex, catalog } = parts
  const now = parts.now()
  const window = { since: now - unusedMs, until: now }
  const coverage = await readCoverage(auditIndex, window)
  const activities = await auditIndex.activity({ since: window.since })
  const agents = await stores.agents.list()
  const active = new Set(activities.flatMap((a) => (a.decision === 'allow' ? [a.agent] : [])))
  const idle = agents.map(({ name }) => name).filter((name) => !active.has(name))
  const survey = createStaleSurvey({
    ...{ now, coverage, agents, activities, unusedMs, longLivedMs },
    book: createScopeBook(catalog()),
    lastUses: await lastUsesOf(parts, idle, window.since),
  })
  const isCut = await visitGrants(stores.grants, { liveAt: now }, survey.add)
  const report = survey.report()
  const cut = `Only the newest ${report.liveTokens} live tokens are looked at.`
  return isCut ? { ...report, coverage: withGaps(coverage, [cut]) } : report
}

const AT_ONCE = 500

/** The last admitted request of agents that had none since. */
async function lastUsesOf(
  { auditIndex }: ReportParts,
  names: readonly string[],
  until: number,
): Promise<ReadonlyMap<string, number>> {
  const uses = new Map<string, number>()
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const agents = names.slice(start, start + AT_ONCE)
    for (const { agent, decision, lastAt } of await auditIndex.activity({ agents, until }))
      if (decision === 'allow') uses.set(agent, Math.max(uses.get(agent) ?? 0, lastAt))
  }
  return uses
}
