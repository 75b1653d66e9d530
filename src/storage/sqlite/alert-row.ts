/** A row of alerts as the alert that it is, with its actions. */

import { Failure } from '../../base/errors.ts'
import {
  ACTION_STATES,
  ALERT_ACTIONS,
  ALERT_RULES,
  ALERT_STATUSES,
  type ActionTaken,
  type Alert,
} from '../../insight/alert.ts'
import { defined } from '../../policy/defined.ts'
import type { Database, Row } from './database.ts'
import { integerOf, numberOf, optionalIntegerOf, optionalTextOf, textOf } from './row.ts'

export function parseAlertRow(database: Database, row: Row): Alert {
  const id = textOf(row, 'id')
  return defined({
    id,
    rule: oneOf(ALERT_RULES, row, 'rule'),
    agent: optionalTextOf(row, 'agent'),
    tokenId: optionalTextOf(row, 'token_id'),
    requestId: optionalTextOf(row, 'request_id'),
    score: numberOf(row, 'score'),
    reason: textOf(row, 'reason'),
    firstAt: integerOf(row, 'first_at'),
    lastAt: integerOf(row, 'last_at'),
    count: integerOf(row, 'count'),
    status: oneOf(ALERT_STATUSES, row, 'status'),
    acknowledgedBy: optionalTextOf(row, 'acknowledged_by'),
    acknowledgedAt: optionalIntegerOf(row, 'acknowledged_at'),
    muteId: optionalTextOf(row, 'mute_id'),
    actions: actionsOf(database, id),
  })
}

function actionsOf(database: Database, id: string): ActionTaken[] {
  const query = 'SELECT * FROM alert_actions WHERE alert_id = :id ORDER BY rowid'
  return database.all(query, { id }).map(parseActionRow)
}

export function parseActionRow(row: Row): ActionTaken {
  return {
    action: oneOf(ALERT_ACTIONS, row, 'action'),
    target: textOf(row, 'target'),
    state: oneOf(ACTION_STATES, row, 'state'),
    at: integerOf(row, 'at'),
  }
}

/** A later release may have written what this one does not know. */
function oneOf<T extends string>(known: readonly T[], row: Row, column: string): T {
  const found = known.find((value) => value === row[column])
  if (found !== undefined) return found
  throw new Failure('database_unavailable', `the column ${column} holds something unexpected`)
}
