/**
 * Operators in SQLite. Rows carry a MAC as grants do: who can write the database must not turn
 * an auditor into an admin.
 */

import type { KeyObject } from 'node:crypto'
import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Operator, OperatorRole, OperatorStore } from '../../policy/operator-store.ts'
import type { Database, Row } from './database.ts'
import { createRowMac } from './row-mac.ts'
import { integerOf, textOf } from './row.ts'

const ROLES: readonly OperatorRole[] = ['admin', 'issuer', 'auditor']

export interface OperatorStoreParts {
  /** The sub-key for rows; see token/keys.ts. */
  readonly macKey: KeyObject
  readonly log: Log
}

/** Builds the store over an open database. */
export function createSqliteOperatorStore(
  database: Database,
  { macKey, log }: OperatorStoreParts,
): OperatorStore {
  const mac = createRowMac(macKey, 'operators')

  /** A row that is not as we wrote it counts as absent. */
  function read(row: Row): Operator | undefined {
    const role = ROLES.find((known) => known === row['role'])
    const [id, name] = [textOf(row, 'id'), textOf(row, 'name')]
    const createdAt = integerOf(row, 'created_at')
    const covered = [id, name, role ?? null, createdAt, textOf(row, 'digest')]
    if (role && mac.verify(covered, textOf(row, 'mac'))) return { id, name, role, createdAt }
    log.error('operator_row_forged', { id })
    return undefined
  }

  function list(): Operator[] {
    const rows = database.all('SELECT * FROM operators ORDER BY name')
    return rows.map(read).filter((operator) => operator !== undefined)
  }

  return {
    findByDigest: async (digest) => {
      const row = database.get('SELECT * FROM operators WHERE digest = :digest', { digest })
      return row && read(row)
    },
    list: async () => list(),
    insert: async ({ id, name, role, createdAt }, digest) => {
      const signed = mac.sign([id, name, role, createdAt, digest])
      const added = database.run(
        `INSERT INTO operators (id, name, role, created_at, digest, mac)
         VALUES (:id, :name, :role, :createdAt, :digest, :signed) ON CONFLICT (name) DO NOTHING`,
        { id, name, role, createdAt, digest, signed },
      )
      return added === 1
    },
    remove: async (name) =>
      database.transaction(() => {
        assertNotLastAdmin(list(), name)
        return database.run('DELETE FROM operators WHERE name = :name', { name }) === 1
      }),
  }
}

function assertNotLastAdmin(operators: readonly Operator[], name: string): void {
  const admins = operators.filter(({ role }) => role === 'admin')
  if (admins.length === 1 && admins[0]?.name === name) {
    throw new Failure('refused', `${name} is the last admin: add another one first`)
  }
}
