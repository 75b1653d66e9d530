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
    put: async (secret, expected) =>
      database.transaction(() => {
        if (secret.version <= highestVersion(database, secret.name)) return false
        return put(database, secret, expected) && remember(database, secret)
      }),
    delete: async (name) =>
      database.run('DELETE FROM sealed_secrets WHERE name = :name', { name }) === 1,
    highestVersion: async (name) => highestVersion(database, name),
  }
}

function highestVersion(database: Database, name: string): number {
  const row = database.get('SELECT version FROM sealed_versions WHERE name = :name', { name })
  return row ? integerOf(row, 'version') : 0
}

function remember(database: Database, { name, version }: SealedSecret): true {
  database.run(
    `INSERT INTO sealed_versions (name, version) VALUES (:name, :version)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version`,
    { name, version },
  )
  return true
}

function put(database: Database, secret: SealedSecret, expected: number): boolean {
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
