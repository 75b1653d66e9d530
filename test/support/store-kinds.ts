/** Every implementation of the stores, for contract tests: each opens empty and cleans up. */

import { onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openDatabase } from '../../src/storage/sqlite/database.ts'
import { createSqliteStores } from '../../src/storage/sqlite/stores.ts'
import type { Stores } from '../../src/storage/sqlite/stores.ts'
import { deriveKeys, generateGrantMac } from '../../src/token/keys.ts'
import { createMemoryStores } from './stores.ts'
import { createTemporaryDirectory } from './temporary.ts'

export const STORE_KINDS: readonly (readonly [string, () => Stores])[] = [
  ['in memory', createMemoryStores],
  ['in SQLite', openSqliteStores],
]

function openSqliteStores(): Stores {
  const directory = createTemporaryDirectory()
  const database = openDatabase({ path: `${directory.path}/database.sqlite` })
  onTestFinished(() => {
    database.close()
    directory.remove()
  })
  const { grantRow } = deriveKeys(generateGrantMac())
  return createSqliteStores(database, { macKey: grantRow, log: silentLog })
}
