/** Alerts in SQLite. Findings, their alerts, actions and deliveries are one transaction. */

import { Failure } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import { subjectOf, type ActionTaken, type Alert } from '../../insight/alert.ts'
import {
  MAX_QUEUED,
  type AlertPage,
  type AlertQuery,
  type AlertStore,
  type PendingAction,
  type Raise,
  type Raised,
} from '../../insight/alert-store.ts'
import { parseActionRow, parseAlertRow } from './alert-row.ts'
import type { Database, Parameters, Row } from './database.ts'
import { integerOf, numberOf, textOf } from './row.ts'

const MAX_PAGE = 1000
const POSITION = /^(?<firstAt>\d{1,16})_(?<id>\w{1,64})$/

/** Builds the store over an open database. */
export function createSqliteAlertStore(database: Database): AlertStore {
  const parse = (row: Row): Alert => parseAlertRow(database, row)
  const find = (id: string): Alert | undefined => {
    const row = database.get('SELECT * FROM alerts WHERE id = :id', { id })
    return row && parse(row)
  }
  return {
    raise: async (raises) =>
      database.transaction(() => raises.map((each) => raise(database, each))),
    find: async (id) => find(id),
    list: async (query, page) => list(database, query, page),
    acknowledge: async (id, by, at) => {
      acknowledge(database, { id, by, at })
      return find(id)
    },
    unrecorded: async (limit) =>
      database
        .all('SELECT * FROM alerts WHERE is_recorded = 0 ORDER BY first_at LIMIT :limit', { limit })
        .map(parse),
    markRecorded: async (id) => {
      database.run('UPDATE alerts SET is_recorded = 1 WHERE id = :id', { id })
    },
    actionsIn: async (state, limit) => actionsIn(database, { state, limit }, find),
    settleAction: async (pending, state, at) => {
      settleAction(database, pending, { state, at })
    },
    countActions: async (since) => {
      const query = `SELECT count(*) AS n FROM alert_actions
        WHERE state IN ('begun', 'done') AND at >= :since`
      return integerOf(database.get(query, { since }) ?? {}, 'n')
    },
    prune: async ({ alerts, keys }) => {
      database.run('DELETE FROM alert_findings WHERE told_at < :keys', { keys })
      database.run('DELETE FROM alerts WHERE last_at < :alerts', { alerts })
    },
  }
}

function raise(database: Database, raising: Raise): Raised | undefined {
  const { key, now } = raising
  if (database.get('SELECT 1 FROM alert_findings WHERE key = :key', { key })) return undefined
  const known = findInWindow(database, raising)
  const id = known?.id ?? insertAlert(database, raising)
  if (known) countUp(database, known, raising)
  database.run('INSERT INTO alert_findings (key, alert_id, told_at) VALUES (:key, :id, :now)', {
    key,
    id,
    now,
  })
  planAction(database, id, raising)
  const full = queueDeliveries(database, { alertId: id, scoreBefore: known?.score }, raising)
  const row = database.get('SELECT * FROM alerts WHERE id = :id', { id }) ?? {}
  return { alert: parseAlertRow(database, row), isNew: known === undefined, full }
}

/** Records of several writers come only nearly in order, so that the window opens both ways. */
function findInWindow(
  database: Database,
  { draft, windowMs, muteId }: Raise,
): Pick<Alert, 'id' | 'score'> | undefined {
  const row = database.get(
    `SELECT id, score FROM alerts WHERE subject = :subject AND (mute_id IS NOT NULL) = :isMuted
       AND first_at > :after AND first_at < :before ORDER BY first_at DESC LIMIT 1`,
    {
      subject: subjectOf(draft),
      isMuted: muteId === undefined ? 0 : 1,
      after: draft.firstAt - windowMs,
      before: draft.firstAt + windowMs,
    },
  )
  return row && { id: textOf(row, 'id'), score: numberOf(row, 'score') }
}

function insertAlert(database: Database, { draft, muteId }: Raise): string {
  const id = newId('alt')
  const { rule, agent, tokenId, requestId, score, reason, firstAt } = draft
  database.run(
    `INSERT INTO alerts (id, subject, rule, agent, token_id, request_id, score, reason,
       first_at, last_at, count, status, mute_id)
     VALUES (:id, :subject, :rule, :agent, :tokenId, :requestId, :score, :reason,
       :firstAt, :firstAt, 1, :status, :muteId)`,
    {
      ...{ id, rule, score, reason, firstAt },
      subject: subjectOf(draft),
      agent: agent ?? null,
      tokenId: tokenId ?? null,
      requestId: requestId ?? null,
      status: muteId === undefined ? 'open' : 'muted',
      muteId: muteId ?? null,
    },
  )
  return id
}

function countUp(
  database: Database,
  { id, score: scoreBefore }: Pick<Alert, 'id' | 'score'>,
  { draft }: Raise,
): void {
  const { score, reason, tokenId, requestId, firstAt: at } = draft
  database.run(
    `UPDATE alerts SET count = count + 1,
       first_at = min(first_at, :at), last_at = max(last_at, :at) WHERE id = :id`,
    { id, at },
  )
  if (score <= scoreBefore) return
  database.run(
    `UPDATE alerts SET score = :score, reason = :reason, token_id = :tokenId,
       request_id = :requestId WHERE id = :id`,
    { id, score, reason, tokenId: tokenId ?? null, requestId: requestId ?? null },
  )
}

function planAction(database: Database, id: string, { action: planned, now }: Raise): void {
  if (!planned) return
  const { action, target } = planned
  database.run(
    `INSERT INTO alert_actions (alert_id, action, target, state, at)
     VALUES (:id, :action, :target, 'pending', :now) ON CONFLICT DO NOTHING`,
    { id, action, target, now },
  )
}

/** For those that were not told before. Returns the targets whose queue is full. */
function queueDeliveries(
  database: Database,
  { alertId, scoreBefore = -1 }: { alertId: string; scoreBefore: number | undefined },
  { targets, now }: Raise,
): readonly string[] {
  const untold = targets.filter(({ minScore }) => minScore > scoreBefore)
  const names = untold.map(({ name }) => name)
  return names.filter((target) => {
    const queued = database.run(
      `INSERT INTO alert_deliveries (id, alert_id, target, queued_at, next_at)
       SELECT :id, :alertId, :target, :now, :now
       WHERE (SELECT count(*) FROM alert_deliveries WHERE target = :target) < ${MAX_QUEUED}`,
      { id: newId('msg'), alertId, target, now },
    )
    return queued === 0
  })
}

function list(
  database: Database,
  query: AlertQuery,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): AlertPage {
  const { clauses, parameters } = conditionsOf(query, cursor)
  const where = clauses.length === 0 ? '' : `WHERE ${clauses.join(' AND ')}`
  const size = Math.min(MAX_PAGE, Math.max(1, limit))
  const rows = database.all(
    `SELECT * FROM alerts ${where} ORDER BY first_at DESC, id DESC LIMIT :limit`,
    { ...parameters, limit: size + 1 },
  )
  const items = rows.slice(0, size).map((row) => parseAlertRow(database, row))
  const last = items.at(-1)
  const isMore = rows.length > size && last !== undefined
  return { items, ...(isMore && { nextCursor: `${last.firstAt}_${last.id}` }) }
}

function conditionsOf({ status, rule, agent, since }: AlertQuery, cursor: string | undefined) {
  const clauses: string[] = []
  let parameters: Parameters = {}
  const where = (clause: string, values: Parameters) => {
    clauses.push(clause)
    parameters = { ...parameters, ...values }
  }
  if (status !== undefined) where('status = :status', { status })
  if (rule !== undefined) where('rule = :rule', { rule })
  if (agent !== undefined) where('agent = :agent', { agent })
  if (since !== undefined) where('last_at >= :since', { since })
  if (cursor !== undefined) where('(first_at, id) < (:firstAt, :id)', parsePosition(cursor))
  return { clauses, parameters }
}

function parsePosition(cursor: string): Parameters {
  const { firstAt, id } = POSITION.exec(cursor)?.groups ?? {}
  if (firstAt === undefined || id === undefined)
    throw new Failure('usage_invalid', 'the cursor is not one of this list')
  return { firstAt: Number(firstAt), id }
}

function acknowledge(
  database: Database,
  values: { readonly id: string; readonly by: string; readonly at: number },
): void {
  database.run(
    `UPDATE alerts SET status = 'acknowledged', acknowledged_by = :by, acknowledged_at = :at
     WHERE id = :id AND acknowledged_at IS NULL`,
    values,
  )
}

function settleAction(
  database: Database,
  { alert, action, target }: PendingAction,
  outcome: Pick<ActionTaken, 'state' | 'at'>,
): void {
  database.run(
    `UPDATE alert_actions SET state = :state, at = :at
     WHERE alert_id = :id AND action = :action AND target = :target`,
    { id: alert.id, action, target, ...outcome },
  )
}

function actionsIn(
  database: Database,
  values: { readonly state: string; readonly limit: number },
  find: (id: string) => Alert | undefined,
): PendingAction[] {
  const query = 'SELECT * FROM alert_actions WHERE state = :state ORDER BY at LIMIT :limit'
  return database.all(query, values).flatMap((row) => {
    const alert = find(textOf(row, 'alert_id'))
    const { action, target } = parseActionRow(row)
    return alert ? [{ alert, action, target }] : []
  })
}
