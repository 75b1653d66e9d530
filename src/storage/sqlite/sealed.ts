/** Sealed envelopes in SQLite: ciphertext, and no more about it than its name and version. */

import type { SealedSecret, SealedStore } from '../../secret/sealed-store.ts'
import type { Database, Row } from './database.ts'
import { integerOf, textOf } from './row.ts'

/** Builds the store over an open database. */
export function createSqliteSealedStore(database: Database): SealedStore {
  return {
    find: async (name) => {
      const row = database.get('SELECT * FROM sealed_secrets WHERE name = :name', { name })
      return row && parseSealedRow(row)
    },
    list: async () =>
      database.all('SELECT * FROM sealed_secrets ORDER BY name').map(parseSealedRow),
    put: async (secret, expected) => put(database, secret, expected),
    delete: async (name) =>
      database.run('DELETE FROM sealed_secrets WHERE name = :name', { name }) === 1,
  }
}

/** One statement either way, so nobody comes between the check and the change. */
function put(database: Database, secret: SealedSecret, expected: number): boolean {
  if (secret.version <= expected) return false
  const { name, version, envelope, sealedBy, storedAt } = secret
  const values = { name, version, envelope, sealedBy, storedAt }
  const changed =
    expected === 0
      ? database.run(
          `INSERT INTO sealed_secrets (name, version, envelope, sealed_by, stored_at)
           VALUES (:name, :version, :envelope, :sealedBy, :storedAt) ON CONFLICT DO NOTHING`,
          values,
        )
      : database.run(
          `UPDATE sealed_secrets SET version = :version, envelope = :envelope,
             sealed_by = :sealedBy, stored_at = :storedAt
           WHERE name = :name AND version = :expected`,
          { ...values, expected },
        )
  return changed === 1
}

function parseSealedRow(row: Row): SealedSecret {
  return {
    name: textOf(row, 'name'),
    version: integerOf(row, 'version'),
    envelope: textOf(row, 'envelope'),
    sealedBy: textOf(row, 'sealed_by'),
    storedAt: integerOf(row, 'stored_at'),
  }
}
