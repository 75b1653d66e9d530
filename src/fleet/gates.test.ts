import { describe, expect, it } from 'vitest'
import { aGrant, NOW } from '../../test/support/grants.ts'
import type { Revocation } from '../policy/revocation-log.ts'
import { createGate } from './gate.ts'
import { gatesOf, soleGate } from './gates.ts'

const revocation: Revocation = { kind: 'grant', id: 'tok_root', sequence: 3, at: NOW }
const grant = aGrant({ id: 'tok_root' })

describe('the gates of a server', () => {
  it('are one where it serves alone', async () => {
    const gate = createGate()
    const gates = soleGate(gate)
    gate.open(grant)
    expect(await gates.countLive()).toBe(1)
    expect(await gates.apply(revocation)).toBe(1)
    expect([gates.sequence, gates.state(grant)]).toEqual([3, 'revoked'])
  })

  it('are those of its workers too, whose counts are added up', async () => {
    const own = createGate()
    const workers = [createGate(), createGate()]
    const others = workers.map((gate) => soleGate(gate))
    const gates = gatesOf(own, () => others)
    for (const gate of workers) gate.open(grant)
    expect(await gates.countLive()).toBe(2)
    expect(await gates.apply(revocation)).toBe(2)
    expect(workers.map((gate) => gate.state(grant))).toEqual(['revoked', 'revoked'])
    expect([gates.sequence, gates.state(grant)]).toEqual([3, 'revoked'])
  })

  it('answer only when the slowest of them has', async () => {
    const slow = Promise.withResolvers<number>()
    const gates = gatesOf(createGate(), () => [
      { apply: () => slow.promise, countLive: async () => 0 },
    ])
    let isDone = false
    const answer = gates.apply(revocation).then((cut) => {
      isDone = true
      return cut
    })
    await Promise.resolve()
    expect(isDone).toBe(false)
    slow.resolve(4)
    expect(await answer).toBe(4)
  })
})
