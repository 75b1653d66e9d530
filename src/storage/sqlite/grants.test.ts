import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { aGrant, NOW } from '../../../test/support/grants.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import type { Log, LogFields } from '../../base/log.ts'
import { silentLog } from '../../base/log.ts'
import { createTokenDigest } from '../../token/digest.ts'
import { deriveKeys, generateGrantMac } from '../../token/keys.ts'
import { mintToken } from '../../token/token.ts'
import { openDatabase } from './database.ts'
import { createSqliteStores } from './stores.ts'

const keys = deriveKeys(generateGrantMac())
const digestOf = createTokenDigest(keys.digest)

/** Stores over a file, and a second connection for somebody who can write the file. */
async function openTampered() {
  const directory = createTemporaryDirectory()
  const path = `${directory.path}/database.sqlite`
  const database = openDatabase({ path })
  const intruder = new DatabaseSync(path)
  onTestFinished(() => {
    intruder.close()
    database.close()
    directory.remove()
  })
  const forged: LogFields[] = []
  const log: Log = {
    ...silentLog,
    error(event, fields = {}) {
      if (event.endsWith('_row_forged')) forged.push(fields)
    },
  }
  const stores = createSqliteStores(database, { macKey: keys.grantRow, log })
  await stores.agents.ensure('order-processing-agent', undefined, NOW)
  const token = mintToken('pt', 'live')
  await stores.grants.insert(aGrant({ chain: [], limits: { maxRequests: 5 } }), digestOf(token))
  const tamper = (sql: string, ...values: SQLInputValue[]) => intruder.prepare(sql).run(...values)
  return { stores, database, directory, token, tamper, forged }
}

describe('AD-04 a grant row that somebody else wrote', () => {
  it.each([
    ['id', 'tok_other'],
    ['digest', 'another digest'],
    ['agent', 'somebody'],
    ['agent_generation', 2],
    ['session_id', 'ses_1'],
    ['scopes', '["stripe:read","stripe:write","stripe:refund"]'],
    ['scopes', '["stripe:read", "stripe:write"]'],
    ['services', '["github","stripe"]'],
    ['chain', '["tok_other"]'],
    ['issued_by', 'mallory'],
    ['issued_at', NOW + 1],
    ['expires_at', NOW + 1e12],
    ['bindings', '{"firstUse":true}'],
    ['limits', '{}'],
    ['limits', '{"__proto__":{"maxRequests":9}}'],
    ['mac', ''],
    ['mac', 'A'.repeat(43)],
  ])('is absent when its %s says %s', async (column, value) => {
    const { stores, token, tamper, forged } = await openTampered()
    tamper('PRAGMA foreign_keys = OFF')
    tamper(`UPDATE grants SET ${column} = ?`, value)
    const id = column === 'id' ? String(value) : aGrant().id
    const digest = column === 'digest' ? String(value) : digestOf(token)
    expect(await stores.grants.findByDigest(digest)).toBeUndefined()
    expect(await stores.grants.findById(id)).toBeUndefined()
    expect((await stores.grants.list({}, { limit: 10 })).items).toEqual([])
    expect(await stores.grants.reserve(id, 1)).toBe(0)
    expect(forged.length).toBeGreaterThanOrEqual(3)
    expect(forged[0]).toEqual({ id })
  })

  it('is absent when it was copied from another grant', async () => {
    const { stores, tamper } = await openTampered()
    const wide = aGrant({ id: 'tok_wide', scopes: new Set(['stripe:refund']) })
    await stores.grants.insert(wide, digestOf('the token of somebody else'))
    tamper(
      `UPDATE grants SET scopes = (SELECT scopes FROM grants WHERE id = 'tok_wide'),
         mac = (SELECT mac FROM grants WHERE id = 'tok_wide') WHERE id <> 'tok_wide'`,
    )
    expect(await stores.grants.findById(aGrant().id)).toBeUndefined()
    expect(await stores.grants.findById('tok_wide')).toEqual(wide)
  })

  it('is absent when it was made under another key', async () => {
    const { database, token } = await openTampered()
    const { grantRow } = deriveKeys(generateGrantMac())
    const { grants } = createSqliteStores(database, { macKey: grantRow, log: silentLog })
    expect(await grants.findByDigest(digestOf(token))).toBeUndefined()
  })

  it('is passed over in a list, which goes on behind it', async () => {
    const { stores, tamper } = await openTampered()
    for (const n of [1, 2, 3]) {
      await stores.grants.insert(aGrant({ id: `tok_${n}`, issuedAt: NOW + n }), `digest ${n}`)
    }
    tamper(`UPDATE grants SET expires_at = 1e15 WHERE id IN ('tok_3', 'tok_2')`)
    const first = await stores.grants.list({}, { limit: 2 })
    expect(first.items).toEqual([])
    const second = await stores.grants.list({}, { limit: 2, cursor: first.nextCursor! })
    expect(second.items.map(({ id }) => id)).toEqual(['tok_1', aGrant().id])
  })

  it('gives an auditor no other role', async () => {
    const { stores, tamper, forged } = await openTampered()
    const mallory = { id: 'op_1', name: 'mallory', role: 'auditor', createdAt: NOW } as const
    await stores.operators.insert(mallory, 'digest')
    tamper(`UPDATE operators SET role = 'admin'`)
    expect(await stores.operators.findByDigest('digest')).toBeUndefined()
    expect(await stores.operators.list()).toEqual([])
    tamper(`UPDATE operators SET role = 'auditor', digest = 'other'`)
    expect(await stores.operators.findByDigest('other')).toBeUndefined()
    expect(forged).toHaveLength(3)
  })
})

describe('TK-04 a stolen database', () => {
  it('holds nothing that works as a token, nor its random part', async () => {
    const { stores, directory, token, tamper } = await openTampered()
    tamper('PRAGMA wal_checkpoint(TRUNCATE)')
    const random = token.slice(8, 38)
    for (const file of readdirSync(directory.path)) {
      const bytes = readFileSync(`${directory.path}/${file}`)
      for (const encoding of ['utf8', 'base64', 'base64url', 'hex'] as const) {
        const form = Buffer.from(random).toString(encoding)
        expect([file, encoding, bytes.includes(form)]).toEqual([file, encoding, false])
      }
    }
    const grant = await stores.grants.findByDigest(digestOf(token))
    expect(grant?.id).toBe(aGrant().id)
    // Every column that was stolen, presented as the token itself.
    const stolen = openDatabase({ path: `${directory.path}/database.sqlite` })
    const row = stolen.get('SELECT * FROM grants') ?? {}
    stolen.close()
    for (const column of Object.values(row)) {
      expect(await stores.grants.findByDigest(digestOf(String(column)))).toBeUndefined()
    }
  })
})

describe('TK-03 the look-up by digest', () => {
  it('is one equality on a unique index', async () => {
    const { database } = await openTampered()
    const plan = database.all('EXPLAIN QUERY PLAN SELECT * FROM grants WHERE digest = :digest', {
      digest: 'x',
    })
    expect(plan.map((step) => step['detail'])).toEqual([
      'SEARCH grants USING INDEX sqlite_autoindex_grants_2 (digest=?)',
    ])
  })
})
