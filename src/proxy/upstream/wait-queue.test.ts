import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WaitQueue, type Place, type Waiting } from './wait-queue.ts'

interface Guest extends Waiting<Guest> {
  readonly name: number
}

it('gives out who came first, whoever left meanwhile', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'push' as const, pick: 0 }),
    fc.constant({ kind: 'shift' as const, pick: 0 }),
    fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new WaitQueue<Guest>()
      const all: Guest[] = []
      let expected: Guest[] = []
      for (const { kind, pick } of steps) {
        if (kind === 'push') {
          const guest: Guest = { name: all.length, place: undefined as Place<Guest> | undefined }
          all.push(guest)
          expected.push(guest)
          queue.push(guest)
        } else if (kind === 'shift') {
          expect(queue.shift()?.name).toBe(expected.shift()?.name)
        } else if (all.length > 0) {
          const guest = all[pick % all.length]!
          expected = expected.filter((each) => each !== guest)
          queue.remove(guest)
        }
        expect(queue.size).toBe(expected.length)
        expect(queue.first?.name).toBe(expected[0]?.name)
      }
    }),
  )
})
