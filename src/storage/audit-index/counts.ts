/** How many requests there were, by what an operator wants to tell apart. */

import type { CountKey, CountQuery, RequestCount } from '../../audit/audit-index.ts'
import { activityWithin } from './activity.ts'
import { allOf, type Condition } from './conditions.ts'
import type { IndexDatabase, Row } from './database.ts'

/** What is told apart, in SQL. */
const KEYS: Readonly<Record<CountKey, string>> = {
  agent: '(SELECT text FROM term WHERE id = sums.agent)',
  tokenId: '(SELECT text FROM term WHERE id = token)',
  service: 'service',
  operation: "coalesce(rule, method || ' ?')",
  scopes: 'scopes',
  decision: 'decision',
  reason: 'reason',
  credential: "credential || '@' || version",
  day: "strftime('%Y-%m-%d', first_at / 1000, 'unixepoch')",
}

/** More groups than anybody reads. */
const MOST = 10_000

export function readCounts(database: IndexDatabase, query: CountQuery): readonly RequestCount[] {
  const { sql, values } = activityWithin(query)
  const asked = conditionOf(query)
  const keys = query.by.map((key, index) => `${KEYS[key]} AS key_${index}`)
  const groups = query.by.map((_key, index) => `key_${index}`)
  const rows = database.all(
    `SELECT ${[...keys, ...SUMS].join(', ')}
     FROM (${sql}) AS sums JOIN operation ON operation.id = sums.operation
     WHERE ${asked.sql} ${groups.length > 0 ? `GROUP BY ${groups.join(', ')}` : ''}
     ORDER BY total DESC${groups.map((group) => `, ${group}`).join('')} LIMIT ${MOST}`,
    ...values,
    ...asked.values,
  )
  return rows.filter(({ total }) => total !== null).map((row) => countOf(row, groups))
}

const SUMS = [
  'sum(count) AS total',
  'sum(failed) AS total_failed',
  'min(first_at) AS oldest',
  'max(last_at) AS newest',
]

function conditionOf({ agent, tokenId, service, scope, decision, reason }: CountQuery): Condition {
  const all: readonly (readonly [string, string | undefined])[] = [
    ['sums.agent = (SELECT id FROM term WHERE text = ?)', agent],
    ['token = (SELECT id FROM term WHERE text = ?)', tokenId],
    ['service = ?', service],
    ["instr(',' || scopes || ',', ',' || ? || ',') > 0", scope],
    ['decision = ?', decision],
    ['reason = ?', reason],
  ]
  return allOf(
    all.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, values: [value] }])),
  )
}

function countOf(row: Row, groups: readonly string[]): RequestCount {
  return {
    key: groups.map((group) => (row[group] === null ? null : String(row[group]))),
    ...{ count: Number(row['total']), failed: Number(row['total_failed']) },
    ...{ firstAt: Number(row['oldest']), lastAt: Number(row['newest']) },
  }
}
