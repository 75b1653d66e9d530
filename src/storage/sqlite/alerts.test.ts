import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { aMute, aRaise, raiseIn } from '../../../test/support/alerts.ts'
import { NOW } from '../../../test/support/grants.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import type { Log } from '../../base/log.ts'
import { silentLog } from '../../base/log.ts'
import { deriveKeys, generateGrantMac } from '../../token/keys.ts'
import { INITIAL } from '../migrations/0001-initial.ts'
import { createSqliteMuteStore } from './alert-mutes.ts'
import { createSqliteAlertStore } from './alerts.ts'
import { migrate, openDatabase, type Database } from './database.ts'

const { grantRow: macKey } = deriveKeys(generateGrantMac())

function temporaryDatabase(): string {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  return directory.write('database.sqlite', '')
}

function open(path: string): Database {
  const database = openDatabase({ path })
  onTestFinished(() => {
    database.close()
  })
  return database
}

it('gives a database of the first release its alerts, and leaves what is in it', async () => {
  const path = temporaryDatabase()
  const old = new DatabaseSync(path)
  migrate(old, [INITIAL])
  old.exec(`INSERT INTO agents (id, name, generation, created_at) VALUES ('a', 'worker', 1, 0)`)
  expect(old.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
  old.close()
  const database = open(path)
  expect(database.get('SELECT name FROM agents')).toEqual({ name: 'worker' })
  expect(await raiseIn(createSqliteAlertStore(database), aRaise())).toMatchObject({ isNew: true })
})

it('keeps alerts and what they still have to do over a restart', async () => {
  const path = temporaryDatabase()
  const first = openDatabase({ path })
  const raise = aRaise({ action: { action: 'disable_agent', target: 'worker' } })
  await raiseIn(createSqliteAlertStore(first), raise)
  first.close()
  const alerts = createSqliteAlertStore(open(path))
  expect(await raiseIn(alerts, raise)).toBeUndefined()
  expect(await alerts.actionsIn('pending', 10)).toMatchObject([{ target: 'worker' }])
  expect(await alerts.unrecorded(10)).toHaveLength(1)
})

it.each([
  ['widens its rule', `UPDATE alert_mutes SET rule = NULL`],
  ['names a rule that nobody knows', `UPDATE alert_mutes SET rule = 'all'`],
  ['moves it to another agent', `UPDATE alert_mutes SET agent = 'worker'`],
  ['makes it longer', `UPDATE alert_mutes SET until = until + 1`],
  ['gives it another name', `UPDATE alert_mutes SET created_by = 'bob'`],
])('counts a mute as absent when someone who can write the database %s', async (_case, change) => {
  const database = open(temporaryDatabase())
  const forged: unknown[] = []
  const log: Log = { ...silentLog, error: (event, fields) => void forged.push([event, fields]) }
  const mutes = createSqliteMuteStore(database, { macKey, log })
  const mute = aMute({ rule: 'two_places' })
  await mutes.insert(mute)
  expect(await mutes.list(NOW)).toEqual([mute])
  database.run(change)
  expect(await mutes.list(NOW)).toEqual([])
  expect(await mutes.find(mute.id)).toBeUndefined()
  expect(forged[0]).toEqual(['mute_row_forged', { id: mute.id }])
})
