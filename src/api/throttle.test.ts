import { describe, expect, it } from 'vitest'
import { createThrottle } from './throttle.ts'

const exhaust = (throttle: ReturnType<typeof createThrottle>, source: string) => {
  for (let count = 0; count < 50; count++) throttle.penalise(source)
}

describe('the throttle', () => {
  it('lets a source make mistakes, and then makes it wait', () => {
    const throttle = createThrottle(() => 0)
    expect(throttle.waitSeconds('192.0.2.1')).toBe(0)
    exhaust(throttle, '192.0.2.1')
    expect(throttle.waitSeconds('192.0.2.1')).toBe(1)
    expect(throttle.waitSeconds('192.0.2.2')).toBe(0)
  })

  it('forgives with time, and not because a clock went back', () => {
    let now = 100_000
    const throttle = createThrottle(() => now)
    exhaust(throttle, '192.0.2.1')
    now = 0
    expect(throttle.waitSeconds('192.0.2.1')).toBe(1)
    now = 101_000
    expect(throttle.waitSeconds('192.0.2.1')).toBe(0)
  })

  it.each([
    ['2001:db8::1', '2001:db8::ffff:1', true],
    ['2001:db8:0:0:1::', '2001:db8::2', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['::1', '::2', true],
  ])('counts %s and %s as one network: %s', (one, other, isOne) => {
    const throttle = createThrottle(() => 0)
    exhaust(throttle, one)
    expect(throttle.waitSeconds(other) > 0).toBe(isOne)
  })

  it('remembers a bounded number of sources', () => {
    const throttle = createThrottle(() => 0)
    exhaust(throttle, 'first')
    for (let count = 0; count < 10_000; count++) throttle.penalise(`source ${count}`)
    expect(throttle.waitSeconds('first')).toBe(0)
  })
})
