import { expect, it } from 'vitest'
import { createReplay } from './replay.ts'

it('knows a proof until it expires', () => {
  const replay = createReplay(10)
  expect(replay.claim('a', 100, 0)).toBe(true)
  expect(replay.claim('a', 100, 99)).toBe(false)
  expect(replay.claim('b', 100, 99)).toBe(true)
  expect(replay.claim('a', 200, 100)).toBe(true)
  expect(replay.claim('a', 200, 150)).toBe(false)
})

it('refuses rather than forgets when it is full, and makes room as proofs expire', () => {
  const replay = createReplay(2)
  expect([replay.claim('a', 10, 0), replay.claim('b', 20, 0)]).toEqual([true, true])
  expect(replay.claim('c', 20, 5)).toBe(false)
  expect(replay.claim('c', 20, 10)).toBe(true)
  expect(replay.claim('b', 20, 10)).toBe(false)
})
