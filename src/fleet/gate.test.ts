import { describe, expect, it } from 'vitest'
import { aGrant, NOW } from '../../test/support/grants.ts'
import type { Revocation } from '../policy/revocation-log.ts'
import { createGate } from './gate.ts'

const ofGrant = (id: string, sequence = 1): Revocation => ({
  kind: 'grant',
  id,
  sequence,
  at: NOW,
})
const ofAgent = (
  generation: number,
  change: Partial<Extract<Revocation, { kind: 'agent' }>> = {},
): Revocation => ({
  kind: 'agent',
  id: 'order-processing-agent',
  sequence: 1,
  at: NOW,
  generation,
  disabled: false,
  ...change,
})

const root = aGrant({ id: 'tok_root' })
const child = aGrant({ id: 'tok_child', chain: ['tok_root'], agent: 'helper' })
const leaf = aGrant({ id: 'tok_leaf', chain: ['tok_root', 'tok_child'], agent: 'helper' })
const stranger = aGrant({ id: 'tok_other', agent: 'other' })

describe('the gate', () => {
  it('is open for what nobody revoked', () => {
    const gate = createGate()
    expect(gate.state(leaf)).toBe('open')
    expect(gate.sequence).toBe(0)
  })

  it('is closed for a revoked grant and for its descendants only', () => {
    const gate = createGate()
    gate.apply(ofGrant('tok_child', 7))
    expect([root, child, leaf, stranger].map((grant) => gate.state(grant))).toEqual([
      'open',
      'revoked',
      'revoked',
      'open',
    ])
    expect(gate.sequence).toBe(7)
  })

  it('knows since when, for a grant, its descendants and the tokens of an agent', () => {
    const gate = createGate()
    gate.apply({ ...ofGrant('tok_child'), at: NOW - 5 })
    gate.apply(ofAgent(2, { sequence: 2 }))
    const old = aGrant({ agentGeneration: 1 })
    expect([root, child, leaf, old].map((grant) => gate.revokedAt(grant))).toEqual([
      NOW,
      NOW - 5,
      NOW - 5,
      NOW,
    ])
    expect(gate.revokedAt(stranger)).toBeUndefined()
  })

  it('is closed for older generations of an agent, and open for newer ones', () => {
    const gate = createGate()
    gate.apply(ofAgent(3, { disabled: true }))
    expect(gate.state(aGrant({ agentGeneration: 2 }))).toBe('agent_disabled')
    expect(gate.state(aGrant({ agentGeneration: 3 }))).toBe('open')
    gate.apply(ofAgent(4, { sequence: 2 }))
    expect(gate.state(aGrant({ agentGeneration: 3 }))).toBe('revoked')
    expect(gate.state(stranger)).toBe('open')
  })

  it('never lowers a floor, in whatever order revocations arrive', () => {
    const gate = createGate()
    gate.apply(ofAgent(4, { sequence: 2 }))
    gate.apply(ofAgent(3, { sequence: 1 }))
    expect(gate.state(aGrant({ agentGeneration: 3 }))).toBe('revoked')
    expect(gate.sequence).toBe(2)
  })

  it("takes an agent's tokens down together with their descendants of other agents", () => {
    const gate = createGate()
    const live = gate.open(leaf)
    expect(gate.apply(ofAgent(2, { alsoGrants: ['tok_root'] }))).toBe(1)
    expect(gate.state(child)).toBe('revoked')
    expect(live.isCut).toBe(true)
  })

  it('is stale when the process is not current, and still names what it knows as revoked', () => {
    let isCurrent = true
    const gate = createGate({ isCurrent: () => isCurrent })
    gate.apply(ofGrant('tok_root'))
    expect(gate.state(stranger)).toBe('open')
    isCurrent = false
    expect(gate.state(stranger)).toBe('stale')
    expect(gate.state(leaf)).toBe('revoked')
    expect(gate.open(stranger).isCut).toBe(true)
  })

  it('forgets only revocations from before the instant it is told', () => {
    const gate = createGate()
    gate.apply(ofGrant('tok_root'))
    gate.prune(NOW)
    expect(gate.state(root)).toBe('revoked')
    gate.prune(NOW + 1)
    expect(gate.state(root)).toBe('open')
  })
})

describe('DL-07 requests in flight', () => {
  it('are cut by what covers them, and counted once', () => {
    const gate = createGate()
    const [own, below, other] = [root, leaf, stranger].map((grant) => gate.open(grant))
    expect(gate.liveCount).toBe(3)
    expect(gate.apply(ofGrant('tok_root'))).toBe(2)
    expect(own!.isCut).toBe(true)
    expect(below!.isCut).toBe(true)
    expect(other!.isCut).toBe(false)
    expect(gate.liveCount).toBe(1)
    expect(gate.apply(ofGrant('tok_root'))).toBe(0)
  })

  it('are cut by the agent, but for those of a newer generation', () => {
    const gate = createGate()
    const old = gate.open(aGrant({ agentGeneration: 1 }))
    const fresh = gate.open(aGrant({ agentGeneration: 2, id: 'tok_fresh' }))
    expect(gate.apply(ofAgent(2, { disabled: true }))).toBe(1)
    expect([old.isCut, fresh.isCut]).toEqual([true, false])
  })

  it('that ended are neither counted nor cut', () => {
    const gate = createGate()
    const live = gate.open(root)
    live.close()
    live.close()
    expect(gate.liveCount).toBe(0)
    expect(gate.apply(ofGrant('tok_root'))).toBe(0)
    expect(live.isCut).toBe(false)
  })

  it('may close themselves while they are cut', () => {
    const gate = createGate()
    const lives = Array.from({ length: 10 }, () => gate.open(root))
    for (const live of lives)
      live.whenCut(() => {
        live.close()
      })
    expect(gate.apply(ofGrant('tok_root'))).toBe(10)
    expect(gate.liveCount).toBe(0)
  })

  it('do not start when the grant was revoked since it was judged', () => {
    const gate = createGate()
    gate.apply(ofGrant('tok_root'))
    const live = gate.open(leaf)
    let heard = 0
    live.whenCut(() => (heard += 1))
    expect([live.isCut, heard]).toEqual([true, 1])
    expect(gate.liveCount).toBe(0)
  })

  it('are cut exactly, ten thousand at a time', () => {
    const gate = createGate()
    const lives = Array.from({ length: 10_000 }, (_, n) => {
      const chain = ['tok_root', `tok_team${n % 10}`]
      return gate.open(aGrant({ id: `tok_${n}`, chain, agent: `agent-${n % 100}` }))
    })
    expect(gate.apply(ofGrant('tok_team3'))).toBe(1000)
    expect(gate.apply({ ...ofAgent(2), id: 'agent-7' })).toBe(100)
    expect(lives.filter((live) => live.isCut)).toHaveLength(1100)
    expect(gate.liveCount).toBe(8900)
    expect(gate.apply(ofGrant('tok_root'))).toBe(8900)
    expect(gate.liveCount).toBe(0)
  })
})
