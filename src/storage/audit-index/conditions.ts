/** A filter as conditions on rows: which key to follow, and what else must hold. */

import type { AuditFilter } from '../../audit/audit-reader.ts'
import { parseAddress, parseCidr } from '../../policy/cidr.ts'
import { Failure } from '../../base/errors.ts'
import type { Values } from './database.ts'
import { requestNumber } from './record-row.ts'

export interface Condition {
  readonly sql: string
  readonly values: Values
}

export interface Conditions {
  /** The key that leads to the fewest rows, and what it asks; absent: all rows in order of time. */
  readonly key: { readonly index: string; readonly condition: Condition } | undefined
  readonly others: readonly Condition[]
}

const TERM = '(SELECT id FROM term WHERE text = ?)'

interface Candidate {
  /** The secondary key that can be followed; absent where there is none for it. */
  readonly index?: string
  readonly condition: Condition
}

/** In the order of how few rows they usually leave. */
export function conditionsOf(filter: AuditFilter): Conditions {
  const candidates = [
    ...requestCondition(filter),
    ...identityConditions(filter),
    ...equal('operator', filter.operator, 'record_operator'),
    ...failedCondition(filter),
    ...statusCondition(filter),
    ...equal('service', filter.service, 'record_service'),
    ...operationConditions(filter),
    ...textConditions(filter),
  ]
  const leading = candidates.find(({ index }) => index !== undefined)
  return {
    key: leading?.index === undefined ? undefined : { ...leading, index: leading.index },
    others: candidates.filter((candidate) => candidate !== leading).map((each) => each.condition),
  }
}

export const allOf = (conditions: readonly Condition[]): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(' AND ') || 'true',
  values: conditions.flatMap(({ values }) => values),
})

function requestCondition({ requestId }: AuditFilter): readonly Candidate[] {
  if (requestId === undefined) return []
  const values = [requestNumber(requestId)]
  return [{ index: 'record_request', condition: { sql: 'request = ?', values } }]
}

function equal(column: string, text: string | undefined, index?: string): readonly Candidate[] {
  if (text === undefined) return []
  const condition = { sql: `${column} = ${TERM}`, values: [text] }
  return [index === undefined ? { condition } : { index, condition }]
}

function identityConditions(filter: AuditFilter): readonly Candidate[] {
  const { agent, tokenId, sessionId, withDescendants = false } = filter
  const session = equal('session', sessionId, 'record_session')
  if (!withDescendants)
    return [
      ...session,
      ...equal('token', tokenId, 'record_token'),
      ...equal('agent', agent, 'record_agent'),
    ]
  return [
    ...session,
    ...(tokenId === undefined ? [] : [{ condition: familyOf('token', TERM, tokenId) }]),
    ...(agent === undefined ? [] : [{ condition: familyOf('agent', TOKENS_OF_AGENT, agent) }]),
  ]
}

const TOKENS_OF_AGENT = `(SELECT token FROM token WHERE agent = ${TERM})`

/** Its own records, and those of tokens that have one of its tokens above them. */
function familyOf(column: string, ancestors: string, text: string): Condition {
  const chains = `SELECT chain FROM lineage WHERE ancestor IN ${ancestors}`
  return { sql: `${column} = ${TERM} OR chain IN (${chains})`, values: [text, text] }
}

/** Follows from what is asked, and few rows have it. */
function failedCondition({ decision, status = '' }: AuditFilter): readonly Candidate[] {
  if (decision !== 'deny' && !/^[45]/.test(status)) return []
  return [{ index: 'record_failed', condition: { sql: 'failed = 1', values: [] } }]
}

function statusCondition({ status }: AuditFilter): readonly Candidate[] {
  if (status === undefined) return []
  const digit = /^([1-5])xx$/.exec(status)?.[1]
  if (digit === undefined) return [{ condition: { sql: 'status = ?', values: [Number(status)] } }]
  const values = [Number(digit) * 100, Number(digit) * 100 + 99]
  return [{ condition: { sql: 'status >= ? AND status <= ?', values } }]
}

function operationConditions({ scope, decision, reason }: AuditFilter): readonly Candidate[] {
  const conditions: Condition[] = []
  if (scope !== undefined)
    conditions.push({ sql: "instr(',' || scopes || ',', ',' || ? || ',') > 0", values: [scope] })
  if (decision !== undefined) conditions.push({ sql: 'decision = ?', values: [decision] })
  if (reason !== undefined) conditions.push({ sql: 'reason = ?', values: [reason] })
  if (conditions.length === 0) return []
  const { sql, values } = allOf(conditions)
  const operations = `operation IN (SELECT id FROM operation WHERE ${sql})`
  return [{ condition: { sql: operations, values } }]
}

function textConditions({ path, source, action }: AuditFilter): readonly Candidate[] {
  const conditions: Condition[] = []
  if (path !== undefined)
    conditions.push({ sql: 'substr(path, 1, length(?)) = ?', values: [path, path] })
  if (source !== undefined) conditions.push(sourceCondition(source))
  if (action !== undefined) conditions.push(actionCondition(action))
  return conditions.map((condition) => ({ condition }))
}

function sourceCondition(source: string): Condition {
  if (parseAddress(source)) return { sql: 'source = ?', values: [source] }
  if (!parseCidr(source)) throw new Failure('usage_invalid', 'the source is no address or network')
  return { sql: 'is_within(source, ?)', values: [source] }
}

/** `token.` stands for all that begins with it. */
function actionCondition(action: string): Condition {
  if (!action.endsWith('.')) return { sql: `action = ${TERM}`, values: [action] }
  const after = `${action.slice(0, -1)}/`
  const sql = 'action IN (SELECT id FROM term WHERE text >= ? AND text < ?)'
  return { sql, values: [action, after] }
}
