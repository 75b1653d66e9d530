import { describe, expect, it } from 'vitest'
import { nextAttemptAt, retryDelayMs } from './retries.ts'

const HOUR = 3_600_000

describe('a delivery that failed', () => {
  it.each([
    [0, 5_000],
    [1, 20_000],
    [2, 80_000],
    [5, 5_120_000],
    [6, 2 * HOUR],
    [60, 2 * HOUR],
  ])('waits after %d attempts at most %d ms, and at least half of it', (attempts, ceiling) => {
    expect(retryDelayMs(attempts, () => 0)).toBe(ceiling / 2)
    expect(retryDelayMs(attempts, () => 1)).toBe(ceiling)
  })

  const failed = { queuedAt: 0, attempts: 1, problem: { problem: 'it answered 500' } }
  const soon = () => 1000

  it('is tried again later', () => {
    expect(nextAttemptAt(failed, 500, soon)).toBe(1500)
  })

  it.each([
    [60, 60_500],
    [0, 1500],
    [10 ** 9, 6 * HOUR + 500],
  ])('waits as long as the receiver asks, but not for ever: %d s', (retryAfterSeconds, at) => {
    const problem = { problem: 'it answered 429', retryAfterSeconds }
    expect(nextAttemptAt({ ...failed, problem }, 500, soon)).toBe(at)
  })

  it('is given up after a day, and at once where there is no point', () => {
    expect(nextAttemptAt(failed, 24 * HOUR - 1000, soon)).toBe(24 * HOUR)
    expect(nextAttemptAt(failed, 24 * HOUR, soon)).toBeUndefined()
    const gone = { problem: 'it answered 410', isFinal: true }
    expect(nextAttemptAt({ ...failed, problem: gone }, 500, soon)).toBeUndefined()
  })
})
