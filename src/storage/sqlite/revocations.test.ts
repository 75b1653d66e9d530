import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { INITIAL } from '../migrations/0001-initial.ts'
import { ALERTS } from '../migrations/0002-alerts.ts'
import { migrate, openDatabase } from './database.ts'
import { createSqliteRevocationLog } from './revocations.ts'

it('keeps the revocations of a database that knew no holds, and numbers on', async () => {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  const path = directory.write('database.sqlite', '')
  const old = new DatabaseSync(path)
  migrate(old, [INITIAL, ALERTS])
  old.exec(`INSERT INTO agents (id, name, generation, created_at) VALUES ('a', 'worker', 2, 0);
    UPDATE revocation_head SET n = 2;
    INSERT INTO revocations VALUES (1, 7, 'grant', 'tok_a', NULL, NULL, NULL);
    INSERT INTO revocations VALUES (2, 8, 'agent', 'worker', 2, 0, '["tok_b"]')`)
  old.close()
  const database = openDatabase({ path })
  onTestFinished(() => {
    database.close()
  })
  const log = createSqliteRevocationLog(database)
  expect(await log.since(0)).toMatchObject([
    { sequence: 1, kind: 'grant', id: 'tok_a', at: 7 },
    { sequence: 2, kind: 'agent', id: 'worker', generation: 2, alsoGrants: ['tok_b'] },
  ])
  expect(await log.revokeAgent('worker', 9, false)).toMatchObject({ sequence: 3, generation: 3 })
})
