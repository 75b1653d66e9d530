/** Agents in SQLite. Disabling them is the revocation log's work, in revocations.ts. */

import { newId } from '../../base/ids.ts'
import type { Agent, AgentStore } from '../../policy/agent-store.ts'
import type { Database, Row } from './database.ts'
import { integerOf, optionalIntegerOf, optionalTextOf, textOf } from './row.ts'

/** Builds the store over an open database. */
export function createSqliteAgentStore(database: Database): AgentStore {
  const one = (sql: string, parameters: Record<string, string | number | null>) => {
    const row = database.get(sql, parameters)
    return row && parseAgentRow(row)
  }
  return {
    find: async (name) => findAgent(database, name),
    list: async () => database.all('SELECT * FROM agents ORDER BY name').map(parseAgentRow),
    ensure: async (name, owner, now) => {
      const insert = `INSERT INTO agents (id, name, owner, generation, created_at)
        VALUES (:id, :name, :owner, 1, :now)
        ON CONFLICT (name) DO UPDATE SET owner = coalesce(owner, excluded.owner)
        RETURNING *`
      const values = { id: newId('agt'), name, owner: owner ?? null, now }
      return parseAgentRow(database.all(insert, values)[0] ?? {})
    },
    setOwner: async (name, owner) =>
      one('UPDATE agents SET owner = :owner WHERE name = :name RETURNING *', { name, owner }),
    enable: async (name) =>
      one('UPDATE agents SET disabled_at = NULL WHERE name = :name RETURNING *', { name }),
  }
}

export function findAgent(database: Database, name: string): Agent | undefined {
  const row = database.get('SELECT * FROM agents WHERE name = :name', { name })
  return row && parseAgentRow(row)
}

function parseAgentRow(row: Row): Agent {
  return {
    id: textOf(row, 'id'),
    name: textOf(row, 'name'),
    owner: optionalTextOf(row, 'owner'),
    generation: integerOf(row, 'generation'),
    disabledAt: optionalIntegerOf(row, 'disabled_at'),
    createdAt: integerOf(row, 'created_at'),
  }
}
