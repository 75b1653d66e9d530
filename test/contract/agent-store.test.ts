import { describe, expect, it } from 'vitest'
import { NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

describe.each(STORE_KINDS)('an agent store %s', (_kind, open) => {
  it('makes an agent once', async () => {
    const { agents } = open()
    const made = await agents.ensure('worker', 'alice', NOW)
    expect(made).toEqual({
      id: expect.stringMatching(/^agt_[0-9A-Za-z]{20}$/) as string,
      name: 'worker',
      owner: 'alice',
      generation: 1,
      disabledAt: undefined,
      createdAt: NOW,
    })
    expect(await agents.ensure('worker', 'bob', NOW + 1)).toEqual(made)
    expect(await agents.find('worker')).toEqual(made)
  })

  it('gives an agent without owner its first one', async () => {
    const { agents } = open()
    await agents.ensure('worker', undefined, NOW)
    expect((await agents.ensure('worker', 'alice', NOW)).owner).toBe('alice')
  })

  it('AD-04 finds by exact name only', async () => {
    const { agents } = open()
    await agents.ensure('worker', undefined, NOW)
    for (const name of ['Worker', 'work', 'worker ', '%', "' OR 1=1--", '__proto__', '']) {
      expect(await agents.find(name)).toBeUndefined()
    }
  })

  it('lists by name', async () => {
    const { agents } = open()
    for (const name of ['b', 'a', 'c']) await agents.ensure(name, undefined, NOW)
    expect((await agents.list()).map((agent) => agent.name)).toEqual(['a', 'b', 'c'])
  })

  it('changes an owner', async () => {
    const { agents } = open()
    await agents.ensure('worker', 'alice', NOW)
    expect((await agents.setOwner('worker', 'bob'))?.owner).toBe('bob')
    expect(await agents.setOwner('nobody', 'bob')).toBeUndefined()
  })

  it('enables again, without reviving a generation', async () => {
    const { agents, revocations } = open()
    await agents.ensure('worker', undefined, NOW)
    await revocations.revokeAgent('worker', NOW + 1, true)
    expect(await agents.find('worker')).toMatchObject({ generation: 2, disabledAt: NOW + 1 })
    expect(await agents.enable('worker')).toMatchObject({ generation: 2, disabledAt: undefined })
    expect(await agents.enable('nobody')).toBeUndefined()
  })
})
