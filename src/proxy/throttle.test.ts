import { describe, expect, it } from 'vitest'
import { createThrottle } from './throttle.ts'

const NOW = 1_000_000
const LIMITS = { perSource: 5, overall: 20 }

function fail(throttle: ReturnType<typeof createThrottle>, source: string, times: number): void {
  for (let count = 0; count < times; count += 1) throttle.failed(source, NOW)
}

describe('the throttle', () => {
  it('TK-12 brakes a source that fails, for as long as its bucket is empty', () => {
    const throttle = createThrottle(LIMITS)
    fail(throttle, '10.0.0.1', 5)
    expect(throttle.delaySeconds('10.0.0.1', NOW)).toBe(1)
    expect(throttle.delaySeconds('10.0.0.2', NOW)).toBeUndefined()
    expect(throttle.delaySeconds('10.0.0.1', NOW + 1000)).toBeUndefined()
  })

  it('TK-12 takes a /64 for one source', () => {
    const throttle = createThrottle(LIMITS)
    for (let host = 1; host <= 5; host += 1) fail(throttle, `2001:db8:1:2::${host}`, 1)
    expect(throttle.delaySeconds('2001:db8:1:2::99', NOW)).toBe(1)
    expect(throttle.delaySeconds('2001:db8:1:3::1', NOW)).toBeUndefined()
  })

  it('TK-12 spares the sources that succeeded when everybody guesses', () => {
    const throttle = createThrottle(LIMITS)
    throttle.succeeded('10.9.9.9')
    for (let host = 1; host <= 30; host += 1) fail(throttle, `10.0.1.${host}`, 1)
    expect(throttle.delaySeconds('10.0.2.1', NOW)).toBe(1)
    expect(throttle.delaySeconds('10.9.9.9', NOW)).toBeUndefined()
  })

  it('remembers a bounded number of sources', () => {
    const throttle = createThrottle({ perSource: 5, overall: 1e9 })
    fail(throttle, '10.0.0.1', 5)
    for (let host = 0; host < 10_000; host += 1) {
      fail(throttle, `10.1.${host >> 8}.${host & 255}`, 1)
    }
    expect(throttle.delaySeconds('10.0.0.1', NOW)).toBeUndefined()
  })
})
