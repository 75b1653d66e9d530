import { expect, it } from 'vitest'
import { createBodyBudget } from './body-budget.ts'

it('AV-03 shares out its bytes: a quarter to one agent, all of them together', () => {
  const budget = createBodyBudget(400)
  const shares = ['a', 'b', 'c', 'd', 'e'].map((agent) => budget.shareOf(agent))
  const [first, ...others] = shares
  expect(first?.take(100)).toBe(true)
  expect(first?.take(1)).toBe(false)
  expect(others.map((share) => share.take(100))).toEqual([true, true, true, false])
  first?.give(100)
  expect(others.at(-1)?.take(100)).toBe(true)
})
