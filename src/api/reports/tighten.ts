/** Gathers what tighter scopes for an agent are worked out from. */

import type { AuditRecord } from '../../audit/audit-reader.ts'
import type { Window } from '../../insight/coverage.ts'
import { createScopeBook } from '../../insight/scope-book.ts'
import { tighten, type RecentRequest, type TightenReport } from '../../insight/tighten.ts'
import { readActivities, type ReportParts } from './blast-radius.ts'
import { readCoverage, withGaps } from './coverage.ts'
import { listGrants } from './grants.ts'

const RECENT = 1000

export async function readTighten(
  parts: ReportParts,
  agent: string,
  window: Window,
): Promise<TightenReport> {
  const { stores, auditIndex, catalog, now } = parts
  const coverage = await readCoverage(auditIndex, window)
  const subject = { kind: 'agent', name: agent } as const
  const { activities, isCut } = await readActivities(parts, subject, window)
  const tokens = await listGrants(stores.grants, { agent, expiresAfter: window.since })
  const { since, until } = window
  const asked = { agent, decision: 'allow', since, until, limit: RECENT, order: 'newest' } as const
  const { items } = await auditIndex.query(asked)
  const isShort = isCut || tokens.total > tokens.items.length
  return tighten({
    ...{ agent, activities, now: now(), tokens: tokens.items },
    book: createScopeBook(catalog()),
    recent: items.flatMap(recentRequest),
    coverage: withGaps(coverage, isShort ? ['It has too many tokens to look at all of them.'] : []),
  })
}

function recentRequest({ kind, at, source }: AuditRecord): RecentRequest[] {
  const moment = typeof at === 'string' ? Date.parse(at) : NaN
  if (kind !== 'intent' || Number.isNaN(moment) || typeof source !== 'string') return []
  return [{ at: moment, source }]
}
