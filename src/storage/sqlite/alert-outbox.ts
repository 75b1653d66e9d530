/** Notices that still have to reach their targets, in SQLite: a restart goes on where it was. */

import type { AlertOutbox, QueuedDelivery } from '../../insight/alert-store.ts'
import type { Database, Row } from './database.ts'
import { integerOf, optionalIntegerOf, textOf } from './row.ts'

/** Builds the outbox over an open database. */
export function createSqliteAlertOutbox(database: Database): AlertOutbox {
  return {
    due: async (target, now, limit) =>
      database
        .all(
          `SELECT * FROM alert_deliveries WHERE target = :target AND next_at <= :now
           ORDER BY next_at, rowid LIMIT :limit`,
          { target, now, limit },
        )
        .map(parseDeliveryRow),
    nextDueAt: async (target) => {
      const query = 'SELECT min(next_at) AS next_at FROM alert_deliveries WHERE target = :target'
      return optionalIntegerOf(database.get(query, { target }) ?? {}, 'next_at')
    },
    postpone: async (id, nextAt) => {
      database.run(
        'UPDATE alert_deliveries SET attempts = attempts + 1, next_at = :nextAt WHERE id = :id',
        { id, nextAt },
      )
    },
    remove: async (id) => {
      database.run('DELETE FROM alert_deliveries WHERE id = :id', { id })
    },
    keepOnly: async (targets) =>
      database.run(
        `DELETE FROM alert_deliveries
         WHERE target NOT IN (SELECT value FROM json_each(:targets))`,
        { targets: JSON.stringify(targets) },
      ),
  }
}

function parseDeliveryRow(row: Row): QueuedDelivery {
  return {
    id: textOf(row, 'id'),
    alertId: textOf(row, 'alert_id'),
    queuedAt: integerOf(row, 'queued_at'),
    attempts: integerOf(row, 'attempts'),
  }
}
