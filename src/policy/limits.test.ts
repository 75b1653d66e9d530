import { expect, it } from 'vitest'
import { limitsProblem, parseLimits } from './limits.ts'

it.each([
  [{}, {}],
  [{ maxRequests: '1000' }, { maxRequests: 1000 }],
  [{ rate: '10/s' }, { ratePerSecond: 10 }],
  [{ rate: '30/m' }, { ratePerSecond: 0.5 }],
  [
    { maxRequests: '1', rate: '36/h' },
    { maxRequests: 1, ratePerSecond: 0.01 },
  ],
])('reads %o as %o', (words, limits) => {
  expect(parseLimits(words)).toEqual({ ok: true, value: limits })
})

it.each([
  { maxRequests: '0' },
  { maxRequests: '' },
  { maxRequests: '-1' },
  { maxRequests: '1e3' },
  { maxRequests: '1.5' },
  { maxRequests: '9999999999999' },
  { rate: '' },
  { rate: '10' },
  { rate: '0/s' },
  { rate: '10/d' },
  { rate: '10 / s' },
  { rate: '10/s\n' },
  { rate: '1.5/s' },
])('refuses %o', (words) => {
  expect(parseLimits(words).ok).toBe(false)
})

it.each([
  { maxRequests: 0 },
  { maxRequests: 1.5 },
  { maxRequests: NaN },
  { ratePerSecond: 0 },
  { ratePerSecond: -1 },
  { ratePerSecond: Infinity },
])('DL-04 finds fault with %o as numbers', (limits) => {
  expect(limitsProblem(limits)).toMatch(/above zero/)
})

it('finds no fault with sound numbers', () => {
  expect(limitsProblem({ maxRequests: 1, ratePerSecond: 0.1 })).toBeUndefined()
})
