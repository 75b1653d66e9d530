/**
 * One SQLite database: opened privately, brought to the newest schema, asked through prepared
 * statements. Values are always parameters; SQL text is always ours.
 *
 * WAL with synchronous FULL: what a call has returned from survives a kill and a power cut.
 */

import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { Failure } from '../../base/errors.ts'
import { SQLITE_MIGRATIONS } from '../migrations/sqlite.ts'
import { ensurePrivateFile } from './private-file.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>
export type Parameters = Readonly<Record<string, SQLInputValue>>

/** Every method throws `database_unavailable` on trouble. */
export interface Database {
  get(sql: string, parameters?: Parameters): Row | undefined
  all(sql: string, parameters?: Parameters): Row[]
  /** Returns how many rows were changed. */
  run(sql: string, parameters?: Parameters): number
  /** All or nothing; takes the write lock at once, so that what it reads stays true. */
  transaction<T>(body: () => T): T
  close(): void
}

/** How long another process, such as a backup, may hold the write lock. */
const BUSY_TIMEOUT_MS = 5000

const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
`

/** Opens or makes the database at `path`; `:memory:` gives one that nobody else can see. */
export function openDatabase({ path }: { readonly path: string }): Database {
  if (path !== ':memory:') ensurePrivateFile(path)
  return guard(() => {
    const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      connection.exec(SETTINGS)
      migrate(connection, SQLITE_MIGRATIONS)
    } catch (error) {
      connection.close()
      throw error
    }
    return databaseOver(connection)
  })
}

function databaseOver(connection: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>()

  function prepared(sql: string): StatementSync {
    let statement = statements.get(sql)
    if (!statement) {
      statement = connection.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }

  return {
    get: (sql, parameters = {}) => guard(() => prepared(sql).get(parameters)),
    all: (sql, parameters = {}) => guard(() => prepared(sql).all(parameters)),
    run: (sql, parameters = {}) => guard(() => Number(prepared(sql).run(parameters).changes)),
    transaction: (body) => guard(() => inTransaction(connection, body)),
    close() {
      connection.close()
    },
  }
}

/** Applies the steps that are missing, each in a transaction of its own. */
export function migrate(connection: DatabaseSync, migrations: readonly string[]): void {
  const found = schemaVersionOf(connection)
  if (found > migrations.length) {
    throw new Failure(
      'database_unavailable',
      `the database has schema ${found} and this release knows ${migrations.length}: use the newer release`,
    )
  }
  for (const [index, sql] of migrations.entries()) {
    inTransaction(connection, () => {
      // Asked again under the lock: another process may have been quicker.
      if (schemaVersionOf(connection) > index) return
      connection.exec(sql)
      connection.exec(`PRAGMA user_version = ${index + 1}`)
    })
  }
}

function schemaVersionOf(connection: DatabaseSync): number {
  return Number(connection.prepare('PRAGMA user_version').get()?.['user_version'])
}

function inTransaction<T>(connection: DatabaseSync, body: () => T): T {
  connection.exec('BEGIN IMMEDIATE')
  try {
    const value = body()
    connection.exec('COMMIT')
    return value
  } catch (error) {
    // A full disk may have rolled back already.
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/** SQLite's errors name tables and columns, never values; they stay inside as the cause. */
function guard<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('database_unavailable', 'the database cannot be used', { cause: error })
  }
}
