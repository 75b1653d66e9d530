import { describe, expect, it } from 'vitest'
import type { Operator, OperatorRole } from '../../src/policy/operator-store.ts'
import { NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const anOperator = (name: string, role: OperatorRole): Operator => ({
  id: `op_${name}`,
  name,
  role,
  createdAt: NOW,
})
const alice = anOperator('alice', 'admin')
const bob = anOperator('bob', 'auditor')

describe.each(STORE_KINDS)('an operator store %s', (_kind, open) => {
  it('finds by digest what was inserted', async () => {
    const { operators } = open()
    expect(await operators.insert(alice, 'digest-a')).toBe(true)
    expect(await operators.findByDigest('digest-a')).toEqual(alice)
    for (const digest of ['digest-b', '', '%', "' OR 1=1--", '__proto__']) {
      expect(await operators.findByDigest(digest)).toBeUndefined()
    }
  })

  it('gives a name once', async () => {
    const { operators } = open()
    await operators.insert(alice, 'digest-a')
    expect(await operators.insert({ ...alice, id: 'op_2' }, 'digest-2')).toBe(false)
    expect(await operators.findByDigest('digest-2')).toBeUndefined()
  })

  it('lists by name', async () => {
    const { operators } = open()
    await operators.insert(bob, 'digest-b')
    await operators.insert(alice, 'digest-a')
    expect(await operators.list()).toEqual([alice, bob])
  })

  it('removes an operator, whose key then finds nobody', async () => {
    const { operators } = open()
    await operators.insert(alice, 'digest-a')
    await operators.insert(bob, 'digest-b')
    expect(await operators.remove('bob')).toBe(true)
    expect(await operators.remove('bob')).toBe(false)
    expect(await operators.findByDigest('digest-b')).toBeUndefined()
  })

  it('keeps the last admin', async () => {
    const { operators } = open()
    await operators.insert(alice, 'digest-a')
    await operators.insert(bob, 'digest-b')
    await expect(operators.remove('alice')).rejects.toMatchObject({ code: 'refused' })
    await operators.insert(anOperator('carol', 'admin'), 'digest-c')
    expect(await operators.remove('alice')).toBe(true)
  })
})
