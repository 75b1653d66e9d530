import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from './nearest.ts'

describe('nearest', () => {
  it.each([
    ['scops', ['scope', 'scopes', 'rules'], 'scope'],
    ['stirpe:read', ['stripe:read', 'stripe:write'], 'stripe:read'],
    ['reed', ['read', 'write'], 'read'],
    ['Stripe', ['slack', 'stripe'], 'stripe'],
    ['databse', ['database'], 'database'],
    ['elephant', ['stripe', 'slack'], undefined],
    ['x', [], undefined],
  ])('finds for %s in %j: %s', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected)
  })

  it('finds every word in a list that holds it', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
        const word = words[0] ?? ''
        expect(nearest(word, words)?.toLowerCase()).toBe(word.toLowerCase())
      }),
    )
  })
})
