import fc from 'fast-check'
import { expect, it } from 'vitest'
import { unwrapToken, wrapToken } from './shape.ts'
import { mintToken, parseToken } from './token.ts'

const token = mintToken('pt', 'live')

it('finds the token inside a shape, and bare', () => {
  expect(unwrapToken(wrapToken(token, 'sk_live_'), ['sk_live_', 'xoxb-'])).toEqual(
    parseToken(token),
  )
  expect(unwrapToken(token, ['sk_live_'])).toEqual(parseToken(token))
  expect(unwrapToken(token, [])).toEqual(parseToken(token))
})

it.each([
  ['an unknown prefix', `sk_test_${token}`],
  ['half a prefix', `k_live_${token}`],
  ['two prefixes', `sk_live_sk_live_${token}`],
  ['something behind it', `sk_live_${token}x`],
  ['a prefix alone', 'sk_live_'],
  ['a real-looking key', `sk_live_${'a'.repeat(44)}`],
  ['nothing', ''],
])('TK-09 finds none in %s', (_case, text) => {
  expect(unwrapToken(text, ['sk_live_'])).toBeUndefined()
})

it('unwraps what it wrapped, whatever the prefix', () => {
  fc.assert(
    fc.property(fc.string(), (prefix) => {
      expect(unwrapToken(wrapToken(token, prefix), [prefix])?.text).toBe(token)
    }),
  )
})
