/**
 * The index's own SQLite file. It may be lost at any time, so it syncs less than the database of
 * tokens does, and a file that is damaged or of another version is set aside and made anew.
 */

import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { cidrContains, parseAddress, parseCidr } from '../../policy/cidr.ts'
import { ensurePrivateFile } from '../sqlite/private-file.ts'
import { SCHEMA, SCHEMA_VERSION } from './schema.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>
export type Values = readonly SQLInputValue[]

/** Statements are kept prepared; values stand for `?` in order. Errors are SQLite's own. */
export interface IndexDatabase {
  get(sql: string, ...values: Values): Row | undefined
  all(sql: string, ...values: Values): Row[]
  run(sql: string, ...values: Values): number
  transaction(body: () => void): void
  close(): void
}

export interface IndexFile {
  readonly path: string
  readonly log: Log
}

const SETTINGS = `
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
`

/** Opens the index; makes a new one where there is none that can be used. */
export function openIndexDatabase(file: IndexFile): IndexDatabase {
  try {
    return openOnce(file.path)
  } catch (error) {
    if (!isDamage(error)) throw error
    setAside(file, error)
    return openOnce(file.path)
  }
}

/** Whether the file is to blame, and not the disk or its permissions. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Failure) return error.message === ANOTHER_VERSION
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
  return DAMAGED.has(code)
}

/** One damaged file is kept for whoever wants to know, not one of each time. */
export function setAside({ path, log }: IndexFile, error: unknown): void {
  const keptAs = `${path}.damaged`
  if (existsSync(path)) renameSync(path, keptAs)
  removeSideFiles(path)
  log.warn('audit_index_set_aside', { keptAs, problem: wordsOf(error) })
}

export function removeIndexFiles(path: string): void {
  rmSync(path, { force: true })
  removeSideFiles(path)
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, and a schema that is not ours. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26])
const ANOTHER_VERSION = 'the index is of another release'

function wordsOf(error: unknown): string {
  return error instanceof Failure ? error.message : 'the file is damaged'
}

function removeSideFiles(path: string): void {
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
}

function openOnce(path: string): IndexDatabase {
  ensurePrivateFile(path)
  const connection = new DatabaseSync(path)
  try {
    connection.exec(SETTINGS)
    connection.function('is_within', { deterministic: true }, createIsWithin())
    prepareSchema(connection)
    return indexOver(connection)
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Whether an address lies in a network; records have few different addresses. */
function createIsWithin(): (source: SQLOutputValue, network: SQLOutputValue) => number {
  const known = new Map<string, number>()
  return (source, network) => {
    if (typeof source !== 'string' || typeof network !== 'string') return 0
    const key = `${source} ${network}`
    const before = known.get(key)
    if (before !== undefined) return before
    const [cidr, address] = [parseCidr(network), parseAddress(source)]
    const isWithin = cidr && address && cidrContains(cidr, address) ? 1 : 0
    if (known.size >= REMEMBERED) known.clear()
    known.set(key, isWithin)
    return isWithin
  }
}

const REMEMBERED = 10_000

function prepareSchema(connection: DatabaseSync): void {
  const version = Number(connection.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version === SCHEMA_VERSION) return
  const { tables } = connection.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {}
  if (version !== 0 || tables !== 0) throw new Failure('database_unavailable', ANOTHER_VERSION)
  connection.exec(`BEGIN; ${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
}

function indexOver(connection: DatabaseSync): IndexDatabase {
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const prepared = (sql: string) => {
    let statement = statements.get(sql)
    if (!statement) statements.set(sql, (statement = connection.prepare(sql)))
    return statement
  }
  return {
    get: (sql, ...values) => prepared(sql).get(...values),
    all: (sql, ...values) => prepared(sql).all(...values),
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    transaction(body) {
      connection.exec('BEGIN IMMEDIATE')
      try {
        body()
        connection.exec('COMMIT')
      } catch (error) {
        // A full disk may have rolled back already.
        if (connection.isTransaction) connection.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      connection.close()
    },
  }
}
