import { expect, it, onTestFinished } from 'vitest'
import { startChild } from '../../../test/support/child.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { silentLog } from '../../base/log.ts'
import { deriveKeys, generateGrantMac } from '../../token/keys.ts'
import { openDatabase } from './database.ts'
import { createSqliteStores } from './stores.ts'

const ROUNDS = 4

it('loses nothing that it promised when it is killed, round after round', async () => {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  const path = `${directory.path}/database.sqlite`
  const mac = generateGrantMac()
  const promises: string[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const child = startChild('grant-writer.ts', path, mac.toString('base64url'), `r${round}`)
    await child.waitForLines(round * 60)
    await child.kill()
    promises.push(...child.lines())
  }
  expect(promises.length).toBeGreaterThan(ROUNDS * 60)

  const database = openDatabase({ path })
  onTestFinished(() => {
    database.close()
  })
  const { grantRow } = deriveKeys(mac)
  const { grants, revocations } = createSqliteStores(database, { macKey: grantRow, log: silentLog })
  const entries = await revocations.since(0)
  for (const promise of promises) {
    const [what, id = '', sequence] = promise.split(' ')
    const grant = await grants.findById(id)
    expect([promise, grant?.id]).toEqual([promise, id])
    if (what !== 'revoked') continue
    expect(grant?.revokedAt).toBeDefined()
    expect(entries[Number(sequence) - 1]).toMatchObject({ id, sequence: Number(sequence) })
  }
  expect(entries.map((entry) => entry.sequence)).toEqual(entries.map((_, index) => index + 1))
  expect(await revocations.head()).toBe(entries.length)
  expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
}, 30_000)
