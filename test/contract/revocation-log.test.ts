import { describe, expect, it } from 'vitest'
import { createGate } from '../../src/fleet/gate.ts'
import type { Stores } from '../../src/storage/sqlite/stores.ts'
import { aGrant, NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const AGENT = 'order-processing-agent'

describe.each(STORE_KINDS)('a revocation log %s', (_kind, open) => {
  async function openWithGrants(...ids: string[]): Promise<Stores> {
    const stores = open()
    await stores.agents.ensure(AGENT, undefined, NOW)
    for (const id of ids) await stores.grants.insert(aGrant({ id }), `digest of ${id}`)
    return stores
  }

  it('starts at zero', async () => {
    const { revocations } = open()
    expect(await revocations.head()).toBe(0)
    expect(await revocations.since(0)).toEqual([])
  })

  it('numbers revocations and makes them true', async () => {
    const { grants, revocations } = await openWithGrants('tok_a', 'tok_b')
    const first = await revocations.revokeGrant('tok_a', NOW)
    expect(first).toEqual({ sequence: 1, at: NOW, kind: 'grant', id: 'tok_a' })
    const second = await revocations.revokeGrant('tok_b', NOW + 1)
    expect(second?.sequence).toBe(2)
    expect(await revocations.head()).toBe(2)
    expect(await revocations.since(0)).toEqual([first, second])
    expect(await revocations.since(1)).toEqual([second])
    expect((await grants.findById('tok_a'))?.revokedAt).toBe(NOW)
  })

  it('answers a repetition with the first revocation, and numbers nothing', async () => {
    const { revocations } = await openWithGrants('tok_a')
    const first = await revocations.revokeGrant('tok_a', NOW)
    expect(await revocations.revokeGrant('tok_a', NOW + 9)).toEqual(first)
    expect(await revocations.head()).toBe(1)
  })

  it('knows no grant and no agent that are not there', async () => {
    const { revocations } = open()
    expect(await revocations.revokeGrant('tok_a', NOW)).toBeUndefined()
    expect(await revocations.revokeAgent('nobody', NOW, true)).toBeUndefined()
    expect(await revocations.revokeGrant("' OR 1=1--", NOW)).toBeUndefined()
    expect(await revocations.head()).toBe(0)
  })

  it('holds a grant and resumes it, each once, under numbers of their own', async () => {
    const { grants, revocations } = await openWithGrants('tok_a')
    expect(await revocations.resumeGrant('tok_a', NOW)).toBeUndefined()
    const hold = await revocations.holdGrant('tok_a', NOW)
    expect(hold).toEqual({ sequence: 1, at: NOW, kind: 'hold', id: 'tok_a' })
    expect(await revocations.holdGrant('tok_a', NOW + 1)).toEqual(hold)
    const resumed = await revocations.resumeGrant('tok_a', NOW + 2)
    expect(resumed).toEqual({ sequence: 2, at: NOW + 2, kind: 'resume', id: 'tok_a' })
    expect(await revocations.resumeGrant('tok_a', NOW + 3)).toBeUndefined()
    const again = await revocations.holdGrant('tok_a', NOW + 4)
    expect(again).toMatchObject({ sequence: 3, kind: 'hold' })
    expect(await revocations.since(0)).toEqual([hold, resumed, again])
    expect((await grants.findById('tok_a'))?.revokedAt).toBeUndefined()
    expect(await revocations.holdGrant('tok_x', NOW)).toBeUndefined()
  })

  it('revokes what is held', async () => {
    const { grants, revocations } = await openWithGrants('tok_a')
    await revocations.holdGrant('tok_a', NOW)
    expect(await revocations.revokeGrant('tok_a', NOW + 1)).toMatchObject({ kind: 'grant' })
    expect((await grants.findById('tok_a'))?.revokedAt).toBe(NOW + 1)
  })

  it('moves an agent to the next generation and revokes what it holds', async () => {
    const { agents, grants, revocations } = await openWithGrants('tok_a', 'tok_b')
    await revocations.revokeGrant('tok_a', NOW)
    expect(await revocations.revokeAgent(AGENT, NOW + 1, false)).toEqual({
      sequence: 2,
      at: NOW + 1,
      kind: 'agent',
      id: AGENT,
      generation: 2,
      disabled: false,
    })
    expect(await agents.find(AGENT)).toMatchObject({ generation: 2, disabledAt: undefined })
    expect((await grants.findById('tok_a'))?.revokedAt).toBe(NOW)
    expect((await grants.findById('tok_b'))?.revokedAt).toBe(NOW + 1)
    expect(await grants.insert(aGrant({ id: 'tok_c', agentGeneration: 2 }), 'c')).toBe(true)
  })

  it('leaves disabled agents as they are', async () => {
    const { agents, revocations } = await openWithGrants()
    const first = await revocations.revokeAgent(AGENT, NOW, true)
    expect(await revocations.revokeAgent(AGENT, NOW + 1, true)).toEqual(first)
    expect(await revocations.revokeAgent(AGENT, NOW + 1, false)).toEqual(first)
    expect(await agents.find(AGENT)).toMatchObject({ generation: 2, disabledAt: NOW })
  })

  it('disables, after enabling, once more', async () => {
    const { agents, grants, revocations } = await openWithGrants('tok_a')
    await revocations.revokeAgent(AGENT, NOW, true)
    await agents.enable(AGENT)
    const again = await revocations.revokeAgent(AGENT, NOW + 1, true)
    expect(again).toMatchObject({ sequence: 2, generation: 3, disabled: true })
    expect((await grants.findById('tok_a'))?.revokedAt).toBe(NOW)
  })

  it('names the tokens whose children belong to other agents', async () => {
    const { agents, grants, revocations } = await openWithGrants('tok_a', 'tok_b')
    await agents.ensure('helper', undefined, NOW)
    const child = { agent: 'helper', chain: ['tok_a'] }
    await grants.insert(aGrant({ id: 'tok_child', ...child }), 'child')
    await grants.insert(
      aGrant({ id: 'tok_old', agent: 'helper', chain: ['tok_b'], expiresAt: NOW }),
      'o',
    )
    const revocation = await revocations.revokeAgent(AGENT, NOW, false)
    expect(revocation).toMatchObject({ alsoGrants: ['tok_a'] })
    expect(await revocations.since(0)).toEqual([revocation])
  })

  it('rebuilds a gate that judges as the first one did', async () => {
    const { agents, grants, revocations } = await openWithGrants('tok_a', 'tok_b')
    await agents.ensure('helper', undefined, NOW)
    await grants.insert(aGrant({ id: 'tok_child', agent: 'helper', chain: ['tok_a'] }), 'child')
    await revocations.revokeGrant('tok_b', NOW)
    await revocations.revokeAgent(AGENT, NOW, true)
    const gate = createGate()
    for (const revocation of await revocations.since(0)) gate.apply(revocation)
    expect(gate.sequence).toBe(await revocations.head())
    const judge = (id: string, change = {}) => gate.state(aGrant({ id, ...change }))
    expect(judge('tok_a')).toBe('revoked')
    expect(judge('tok_x')).toBe('agent_disabled')
    expect(judge('tok_child', { agent: 'helper', chain: ['tok_a'] })).toBe('revoked')
    expect(judge('tok_new', { agentGeneration: 2 })).toBe('open')
    expect(judge('tok_helper', { agent: 'helper' })).toBe('open')
  })

  it('DL-02 lets an insert and a revocation of its parent end in one of the two orders', async () => {
    const { grants, revocations } = await openWithGrants('tok_a')
    const child = aGrant({ id: 'tok_child', chain: ['tok_a'] })
    const [inserted] = await Promise.all([
      grants.insert(child, 'child'),
      revocations.revokeGrant('tok_a', NOW),
    ])
    const gate = createGate()
    for (const revocation of await revocations.since(0)) gate.apply(revocation)
    expect(gate.state(child)).toBe('revoked')
    expect((await grants.findById('tok_child')) !== undefined).toBe(inserted)
    expect((await grants.list({ liveAt: NOW }, { limit: 10 })).items).toEqual([])
  })
})
