import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { SQLITE_MIGRATIONS } from '../migrations/sqlite.ts'
import type { Database } from './database.ts'
import { migrate, openDatabase } from './database.ts'

function temporaryPath(): string {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  return directory.path
}

function open(path: string): Database {
  const database = openDatabase({ path })
  onTestFinished(() => {
    database.close()
  })
  return database
}

const addAgent = (database: Database, name: string) =>
  database.run(
    `INSERT INTO agents (id, name, generation, created_at) VALUES (:name, :name, 1, 0)`,
    { name },
  )
const countAgents = (database: Database) => database.get('SELECT count(*) AS n FROM agents')?.['n']

describe('openDatabase', () => {
  it('makes a database that syncs every commit and holds its foreign keys', () => {
    const database = open(`${temporaryPath()}/database.sqlite`)
    expect(database.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' })
    expect(database.get('PRAGMA synchronous')).toEqual({ synchronous: 2 })
    expect(database.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 })
    expect(database.get('PRAGMA user_version')).toEqual({ user_version: SQLITE_MIGRATIONS.length })
  })

  it('keeps what is in it when it is opened again', () => {
    const path = `${temporaryPath()}/database.sqlite`
    const first = openDatabase({ path })
    addAgent(first, 'worker')
    first.close()
    expect(countAgents(open(path))).toBe(1)
  })

  it('AD-05 makes all of its files private, whatever the umask', () => {
    const umask = process.umask(0)
    onTestFinished(() => {
      process.umask(umask)
    })
    const directory = temporaryPath()
    addAgent(open(`${directory}/database.sqlite`), 'worker')
    const files = readdirSync(directory)
    expect(files).toContain('database.sqlite-wal')
    for (const file of files) {
      expect([file, statSync(`${directory}/${file}`).mode & 0o777]).toEqual([file, 0o600])
    }
  })

  it.each([0o644, 0o660, 0o604])('AD-05 refuses a file of mode %o', (mode) => {
    const path = `${temporaryPath()}/database.sqlite`
    openDatabase({ path }).close()
    chmodSync(path, mode)
    expect(() => openDatabase({ path })).toThrow(expect.objectContaining({ code: 'state_unsafe' }))
  })

  it('AD-05 refuses a symbolic link', () => {
    const directory = temporaryPath()
    symlinkSync(`${directory}/elsewhere`, `${directory}/database.sqlite`)
    expect(() => openDatabase({ path: `${directory}/database.sqlite` })).toThrow(
      expect.objectContaining({ code: 'state_unsafe' }),
    )
    expect(readdirSync(directory)).toEqual(['database.sqlite'])
  })

  it.each([
    [
      'no database',
      (path: string) => {
        writeFileSync(path, 'x'.repeat(8192), { mode: 0o600 })
      },
    ],
    ['a newer schema', makeNewer],
  ])('refuses %s, and leaves it as it is', (_case, make) => {
    const path = `${temporaryPath()}/database.sqlite`
    make(path)
    const before = readFileSync(path)
    expect(() => openDatabase({ path })).toThrow(
      expect.objectContaining({ code: 'database_unavailable' }),
    )
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('says what to do about a newer schema', () => {
    const path = `${temporaryPath()}/database.sqlite`
    makeNewer(path)
    expect(() => openDatabase({ path })).toThrow(/use the newer release/)
  })
})

function makeNewer(path: string): void {
  openDatabase({ path }).close()
  const connection = new DatabaseSync(path)
  connection.exec(`PRAGMA user_version = ${SQLITE_MIGRATIONS.length + 1}`)
  connection.close()
}

describe('migrate', () => {
  it('applies each missing step once', () => {
    const connection = new DatabaseSync(':memory:')
    migrate(connection, ['CREATE TABLE a (x)'])
    migrate(connection, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
    expect(connection.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 })
  })

  it('leaves nothing of a step that fails', () => {
    const connection = new DatabaseSync(':memory:')
    const broken = ['CREATE TABLE a (x)', 'CREATE TABLE b (x); CREATE TABLE a (x)']
    expect(() => {
      migrate(connection, broken)
    }).toThrow()
    expect(connection.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    const tables = connection.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
    expect(tables).toEqual([{ name: 'a' }])
  })
})

describe('a database', () => {
  it('takes a whole transaction back when its body throws', () => {
    const database = open(':memory:')
    expect(() =>
      database.transaction(() => {
        addAgent(database, 'worker')
        throw new Error('no')
      }),
    ).toThrow()
    expect(countAgents(database)).toBe(0)
    expect(database.transaction(() => addAgent(database, 'worker'))).toBe(1)
  })

  it('CE-12 turns trouble into a failure that holds no value', () => {
    const database = open(':memory:')
    addAgent(database, 'canary-name')
    const again = () => addAgent(database, 'canary-name')
    expect(again).toThrow(expect.objectContaining({ code: 'database_unavailable' }))
    try {
      again()
    } catch (error) {
      const { message, cause } = error as Error
      expect(`${message} ${String(cause)}`).not.toContain('canary-name')
    }
  })

  it('AD-04 takes values as values', () => {
    const database = open(':memory:')
    const name = "x'); DROP TABLE agents; --"
    addAgent(database, name)
    expect(database.get('SELECT name FROM agents WHERE name = :name', { name })).toEqual({ name })
    expect(() => database.run('INSERT INTO agents (name) VALUES (:x)', { x: 1 })).toThrow()
  })

  it('fails after it is closed', () => {
    const database = openDatabase({ path: ':memory:' })
    database.close()
    expect(() => countAgents(database)).toThrow(
      expect.objectContaining({ code: 'database_unavailable' }),
    )
  })
})
