import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Breaker } from './breaker.ts'

const LIMITS = { failures: 3, openMs: 100, maxOpenMs: 350 }
const NOW = 1_000

function opened(): Breaker {
  const breaker = new Breaker(LIMITS)
  for (let failure = 0; failure < LIMITS.failures; failure++) breaker.fail(NOW)
  return breaker
}

describe('AV-04 a breaker', () => {
  it('opens at the nth failure in a row and says so once', () => {
    const breaker = new Breaker(LIMITS)
    expect([1, 2, 3, 4].map(() => breaker.fail(NOW))).toEqual([false, false, true, false])
    expect(breaker.admit(NOW + 99)).toBe(1)
  })

  it('counts from the start after a success', () => {
    const breaker = new Breaker(LIMITS)
    breaker.fail(NOW)
    breaker.fail(NOW)
    breaker.succeed()
    breaker.fail(NOW)
    breaker.fail(NOW)
    expect(breaker.admit(NOW)).toBe(0)
  })

  it('lets one probe pass when it is time, and nobody beside it', () => {
    const breaker = opened()
    expect(breaker.admit(NOW + 100)).toBe(0)
    expect(breaker.state).toBe('probing')
    expect(breaker.admit(NOW + 100)).toBeGreaterThan(0)
    breaker.succeed()
    expect(breaker.admit(NOW + 100)).toBe(0)
    expect(breaker.state).toBe('closed')
  })

  it('waits twice as long after each probe that fails, up to a bound', () => {
    const breaker = opened()
    const waits = [1, 2, 3].map((round) => {
      const due = NOW + round * 1_000
      expect(breaker.admit(due)).toBe(0)
      expect(breaker.fail(due)).toBe(true)
      return breaker.admit(due)
    })
    expect(waits).toEqual([200, 350, 350])
  })

  it('takes the next request for its probe when the first was given up', () => {
    const breaker = opened()
    breaker.admit(NOW + 100)
    breaker.abandon()
    expect(breaker.admit(NOW + 101)).toBe(0)
    expect(breaker.state).toBe('probing')
  })

  it('never refuses without a time to wait within its bound, and any success closes it', () => {
    const event = fc.record({
      kind: fc.constantFrom('admit', 'succeed', 'fail', 'abandon'),
      laterMs: fc.nat(400),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const breaker = new Breaker(LIMITS)
        let now = NOW
        for (const { kind, laterMs } of events) {
          now += laterMs
          const before = breaker.state
          if (kind === 'succeed') breaker.succeed()
          if (kind === 'fail') breaker.fail(now)
          if (kind === 'abandon') breaker.abandon()
          const waitMs = kind === 'admit' ? breaker.admit(now) : 0
          expect(waitMs).toBeGreaterThanOrEqual(0)
          expect(waitMs).toBeLessThanOrEqual(LIMITS.maxOpenMs)
          if (kind === 'succeed') expect(breaker.state).toBe('closed')
          // Only a request makes it probe, and only one that passed.
          if (breaker.state === 'probing' && before !== 'probing') {
            expect([kind, waitMs]).toEqual(['admit', 0])
          }
        }
        breaker.abandon()
        expect(breaker.admit(now + LIMITS.maxOpenMs)).toBe(0)
      }),
    )
  })
})
