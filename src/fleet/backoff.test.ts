import { describe, expect, it } from 'vitest'
import { createBackoff } from './backoff.ts'

describe('the wait before a successor', () => {
  it('is nothing at first, then doubles up to half a minute', () => {
    const backoff = createBackoff()
    const waits = Array.from({ length: 8 }, () => backoff.next(10))
    expect(waits).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  it('starts anew after a minute of health', () => {
    const backoff = createBackoff()
    for (let deaths = 0; deaths < 5; deaths++) backoff.next(10)
    expect([backoff.next(60_000), backoff.next(59_999)]).toEqual([0, 1000])
  })
})
