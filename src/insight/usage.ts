/** Requests, bytes, tokens of models and money, by whatever is asked for. */

import type { Activity } from '../audit/audit-index.ts'
import { operationName } from './calls.ts'
import type { Coverage } from './coverage.ts'
import { firstOf, type Listed } from './listed.ts'
import { latestOf, sumsOf, type Sums } from './sums.ts'

export const USAGE_KEYS = ['agent', 'service', 'operation', 'credential', 'token'] as const
export type UsageKey = (typeof USAGE_KEYS)[number]

export interface UsageRow extends Sums {
  /** In the order of the report's `by`. */
  readonly keys: readonly string[]
  readonly lastAt: number
}

export interface UsageReport {
  readonly coverage: Coverage
  readonly by: readonly UsageKey[]
  readonly rows: Listed<UsageRow>
  readonly total: Sums
}

export interface UsageFacts {
  readonly coverage: Coverage
  readonly by: readonly UsageKey[]
  readonly activities: readonly Activity[]
}

/** The busiest first. */
export function usageReport({ coverage, by, activities }: UsageFacts): UsageReport {
  const groups = Map.groupBy(activities, (activity) => JSON.stringify(keysOf(activity, by)))
  const rows = [...groups.values()].map((group) => rowOf(group, by))
  rows.sort((left, right) => right.calls - left.calls || right.refused - left.refused)
  return { coverage, by, rows: firstOf(rows), total: sumsOf(activities) }
}

function rowOf(group: readonly Activity[], by: readonly UsageKey[]): UsageRow {
  const [first] = group
  return {
    keys: first ? keysOf(first, by) : [],
    ...sumsOf(group),
    lastAt: latestOf(group),
  }
}

/** Empty where a request came to nothing that has a name. */
function keysOf(activity: Activity, by: readonly UsageKey[]): string[] {
  const names: Readonly<Record<UsageKey, string | undefined>> = {
    agent: activity.agent,
    service: activity.service,
    operation: operationName(activity),
    credential: activity.credential?.name,
    token: activity.tokenId,
  }
  return by.map((key) => names[key] ?? '')
}
