/** Requests that were alike, counted over a time: whole hours as they were summed up, the rest from rows. */

import type { Activity, ActivityQuery, UsageSums } from '../../audit/audit-index.ts'
import { amountsOfRows, HOUR_MS, lastOf, sumsOfRows } from './activity-sums.ts'
import { allOf, type Condition } from './conditions.ts'
import type { IndexDatabase, Row } from './database.ts'

export interface Span {
  readonly since?: number | undefined
  readonly until?: number | undefined
}

/** Rows with the columns of the table `activity`, for this time and no other. */
export function activityWithin(span: Span): Condition {
  return sumsWithin('activity', sumsOfRows("'0'"), span)
}

/** The same of `spending`. */
export function spendingWithin(span: Span): Condition {
  return sumsWithin('spending', amountsOfRows("'0'"), span)
}

function sumsWithin(table: string, ofRows: string, span: Span): Condition {
  const { hours, edges } = partsOf(span)
  const whole = `SELECT * FROM ${table} WHERE hour >= ? AND hour < ?`
  return {
    sql: [whole, ...edges.map(() => `SELECT * FROM (${ofRows})`)].join(' UNION ALL '),
    values: [...hours, ...edges.flat()],
  }
}

/** The whole hours, and what begins and ends within one. */
function partsOf({ since = 0, until = Number.MAX_SAFE_INTEGER }: Span) {
  const [first, last] = [Math.ceil(since / HOUR_MS), Math.floor(until / HOUR_MS)]
  if (first > last) return { hours: [0, 0], edges: [[since, until]] }
  const edges = [
    [since, first * HOUR_MS],
    [last * HOUR_MS, until],
  ].filter(([from = 0, to = 0]) => from < to && from < Number.MAX_SAFE_INTEGER - HOUR_MS)
  return { hours: [first, last], edges }
}

export function readActivity(database: IndexDatabase, query: ActivityQuery): readonly Activity[] {
  const subject = subjectOf(query)
  const amounts = readAmounts(database, query, subject)
  const { sql, values } = activityWithin(query)
  const rows = database.all(
    `SELECT sums.*, agents.text AS agent_name, tokens.text AS token_id, operation.*
     FROM (
       SELECT agent, token, operation AS operation_id, sum(count) AS count, sum(failed) AS failed,
         min(first_at) AS first_at, max(last_at) AS last_at,
         ${lastOf('last_at', 'last_source')} AS last_source,
         sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes,
         sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
       FROM (${sql}) WHERE ${subject.sql} GROUP BY agent, token, operation
     ) AS sums
     JOIN term AS agents ON agents.id = sums.agent
     JOIN term AS tokens ON tokens.id = sums.token
     JOIN operation ON operation.id = operation_id`,
    ...values,
    ...subject.values,
  )
  return rows.map((row) => activityOf(row, amounts.get(keyOf(row)) ?? {}))
}

function subjectOf({ agents, tokenIds, credential }: ActivityQuery): Condition {
  const conditions: Condition[] = []
  if (agents) conditions.push({ sql: `agent IN ${TERMS}`, values: [JSON.stringify(agents)] })
  if (tokenIds) conditions.push({ sql: `token IN ${TERMS}`, values: [JSON.stringify(tokenIds)] })
  if (credential !== undefined)
    conditions.push({ sql: `operation IN ${OPENED}`, values: [credential] })
  return allOf(conditions)
}

const TERMS = '(SELECT id FROM term WHERE text IN (SELECT value FROM json_each(?)))'
const OPENED = '(SELECT id FROM operation WHERE credential = ?)'

function readAmounts(
  database: IndexDatabase,
  span: Span,
  subject: Condition,
): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const { sql, values } = spendingWithin(span)
  const rows = database.all(
    `SELECT agent, token, operation AS operation_id, currency, sum(amount) AS amount
     FROM (${sql}) WHERE ${subject.sql} GROUP BY agent, token, operation, currency`,
    ...values,
    ...subject.values,
  )
  const grouped = Map.groupBy(rows, keyOf)
  return new Map(
    [...grouped].map(([key, group]) => [
      key,
      Object.fromEntries(group.map(({ currency, amount }) => [String(currency), Number(amount)])),
    ]),
  )
}

const keyOf = ({ agent, token, operation_id: operation }: Row): string =>
  `${Number(agent)} ${Number(token)} ${Number(operation)}`

function activityOf(row: Row, amounts: Readonly<Record<string, number>>): Activity {
  const count = (column: string): number => Number(row[column])
  const text = (column: string): string | undefined =>
    row[column] === null ? undefined : String(row[column])
  const name = text('credential')
  return {
    ...{ agent: text('agent_name') ?? '', tokenId: text('token_id') ?? '' },
    ...{ service: text('service'), method: text('method'), rule: text('rule') },
    scopes: scopesOf(text('scopes')),
    decision: text('decision') === 'allow' ? 'allow' : 'deny',
    reason: text('reason'),
    credential: name === undefined ? undefined : { name, version: text('version') ?? '' },
    ...{ count: count('count'), failed: count('failed') },
    ...{ firstAt: count('first_at'), lastAt: count('last_at') },
    lastSource: text('last_source') ?? '',
    ...{ requestBytes: count('request_bytes'), responseBytes: count('response_bytes') },
    usage: usageOf(count('input_tokens'), count('output_tokens'), amounts),
  }
}

/** Only what the services told. */
function usageOf(
  inputTokens: number,
  outputTokens: number,
  amounts: Readonly<Record<string, number>>,
): UsageSums {
  return {
    ...(inputTokens > 0 && { inputTokens }),
    ...(outputTokens > 0 && { outputTokens }),
    ...(Object.keys(amounts).length > 0 && { amounts }),
  }
}

const scopesOf = (text = ''): readonly string[] => (text === '' ? [] : text.split(','))
