/**
 * Mutes in SQLite. Rows carry a MAC as grants do: who can write the database must not be able to
 * keep alerts quiet by adding or widening one.
 */

import type { KeyObject } from 'node:crypto'
import type { Log } from '../../base/log.ts'
import { ALERT_RULES, type Mute } from '../../insight/alert.ts'
import type { MuteStore } from '../../insight/alert-store.ts'
import { defined } from '../../policy/defined.ts'
import type { Database, Row } from './database.ts'
import { createRowMac } from './row-mac.ts'
import { integerOf, optionalTextOf, textOf } from './row.ts'

export interface MuteStoreParts {
  /** The sub-key for rows; see token/keys.ts. */
  readonly macKey: KeyObject
  readonly log: Log
}

/** Builds the store over an open database. */
export function createSqliteMuteStore(
  database: Database,
  { macKey, log }: MuteStoreParts,
): MuteStore {
  const mac = createRowMac(macKey, 'alert_mutes')

  function read(row: Row): Mute | undefined {
    const mute = parseMuteRow(row)
    if (mac.verify(coveredOf(mute), textOf(row, 'mac'))) return mute
    log.error('mute_row_forged', { id: mute.id })
    return undefined
  }

  return {
    insert: async (mute) => {
      const { rule = null, agent = null, ...others } = mute
      database.run(
        `INSERT INTO alert_mutes (id, rule, agent, until, reason, created_by, created_at, mac)
         VALUES (:id, :rule, :agent, :until, :reason, :createdBy, :createdAt, :signed)`,
        { ...others, rule, agent, signed: mac.sign(coveredOf(mute)) },
      )
    },
    find: async (id) => {
      const row = database.get('SELECT * FROM alert_mutes WHERE id = :id', { id })
      return row && read(row)
    },
    list: async (now) =>
      database
        .all('SELECT * FROM alert_mutes WHERE until > :now ORDER BY until, id', { now })
        .map(read)
        .filter((mute) => mute !== undefined),
    remove: async (id) => database.run('DELETE FROM alert_mutes WHERE id = :id', { id }) === 1,
  }
}

function parseMuteRow(row: Row): Mute {
  return defined({
    id: textOf(row, 'id'),
    rule: ALERT_RULES.find((rule) => rule === row['rule']),
    agent: optionalTextOf(row, 'agent'),
    until: integerOf(row, 'until'),
    reason: textOf(row, 'reason'),
    createdBy: textOf(row, 'created_by'),
    createdAt: integerOf(row, 'created_at'),
  })
}

/** A rule that nobody knows reads as none, which the MAC then does not cover. */
function coveredOf({ id, rule, agent, until, reason, createdBy, createdAt }: Mute) {
  return [id, rule ?? null, agent ?? null, until, reason, createdBy, createdAt]
}
