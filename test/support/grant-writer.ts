/** A process that inserts and revokes grants as fast as it can and prints what it was promised. */

import { silentLog } from '../../src/base/log.ts'
import { openDatabase } from '../../src/storage/sqlite/database.ts'
import { createSqliteStores } from '../../src/storage/sqlite/stores.ts'
import { deriveKeys, parseGrantMac } from '../../src/token/keys.ts'
import { aGrant, NOW } from './grants.ts'

const [path = '', key = '', round = ''] = process.argv.slice(2)
const { grantRow } = deriveKeys(parseGrantMac(key) ?? Buffer.alloc(0))
const { agents, grants, revocations } = createSqliteStores(openDatabase({ path }), {
  macKey: grantRow,
  log: silentLog,
})

await agents.ensure('order-processing-agent', undefined, NOW)
for (let n = 0; n < 100_000; n += 1) {
  const id = `tok_${round}_${n}`
  if (await grants.insert(aGrant({ id }), `digest ${id}`)) process.stdout.write(`stored ${id}\n`)
  if (n % 3 !== 0) continue
  const revocation = await revocations.revokeGrant(id, NOW)
  if (revocation) process.stdout.write(`revoked ${id} ${revocation.sequence}\n`)
}
