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
    expect([root, child, leaf, old].map((grant) => gate.closedAt(grant))).toEqual([
      NOW,
      NOW - 5,
      NOW - 5,
      NOW,
    ])
    expect(gate.closedAt(stranger)).toBeUndefined()
  })

  describe('of a token that is held', () => {
    const hold = { ...ofGrant('tok_child', 1), kind: 'hold' as const }
    const resume = { ...ofGrant('tok_child', 2), kind: 'resume' as const }
    const judge = (...revocations: Revocation[]) => {
      const gate = createGate()
      for (const revocation of revocations) gate.apply(revocation)
      return [root, child, leaf].map((grant) => gate.state(grant))
    }

    it('is closed for it and its descendants until it is resumed', () => {
      expect(judge(hold)).toEqual(['open', 'suspended', 'suspended'])
      expect(judge(hold, resume)).toEqual(['open', 'open', 'open'])
      expect(judge(hold, resume, { ...hold, sequence: 3 })[1]).toBe('suspended')
    })

    it('goes by the numbers, in whatever order they arrive', () => {
      expect(judge(resume, hold)[1]).toBe('open')
      expect(judge({ ...hold, sequence: 3 }, hold, resume)[1]).toBe('suspended')
    })

    it('is not opened by a resumption where it was revoked', () => {
      expect(judge(hold, ofGrant('tok_child', 3), { ...resume, sequence: 4 })[1]).toBe('revoked')
      expect(judge(hold, ofGrant('tok_root', 3))).toEqual(['revoked', 'revoked', 'revoked'])
    })

    it('cuts what is in flight, and says since when it is held', () => {
      const gate = createGate()
      const lives = [root, child, leaf].map((grant) => gate.open(grant))
      expect(gate.apply(hold)).toBe(2)
      expect(lives.map(({ isCut }) => isCut)).toEqual([false, true, true])
      expect(gate.apply(resume)).toBe(0)
      expect(gate.closedAt(child)).toBeUndefined()
      gate.apply({ ...hold, sequence: 3, at: NOW + 7 })
      expect([child, leaf].map((grant) => gate.closedAt(grant))).toEqual([NOW + 7, NOW + 7])
    })

    it('keeps the hold of whatever may still be alive', () => {
      const gate = createGate()
      gate.apply(hold)
      gate.prune(NOW)
      expect(gate.state(child)).toBe('suspended')
    })
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
