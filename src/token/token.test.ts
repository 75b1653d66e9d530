import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mintToken, parseToken, TOKEN_LENGTH, tokenModeOf } from './token.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const sound = fc.tuple(
  fc.constantFrom('pt' as const, 'mt' as const, 'ok' as const),
  fc.constantFrom('live' as const, 'test' as const),
)

describe('tokens', () => {
  it('read back as they were minted', () => {
    fc.assert(
      fc.property(sound, ([kind, mode]) => {
        const text = mintToken(kind, mode)
        expect(text).toHaveLength(TOKEN_LENGTH)
        expect(parseToken(text)).toEqual({ kind, mode, text })
      }),
    )
  })

  it('TK-02 no longer read when any one character is another', () => {
    const token = mintToken('pt', 'live')
    const place = fc.integer({ min: 8, max: TOKEN_LENGTH - 1 })
    fc.assert(
      fc.property(place, fc.constantFrom(...BASE62.split(/(?:)/)), (at, other) => {
        fc.pre(token[at] !== other)
        return parseToken(token.slice(0, at) + other + token.slice(at + 1)) === undefined
      }),
      { numRuns: 2000 },
    )
  })

  it('TK-09 never come out of noise, and noise never throws', () => {
    const noise = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ minLength: TOKEN_LENGTH, maxLength: TOKEN_LENGTH }),
      fc.string({ minLength: 30, maxLength: 36 }).map((text) => `pt_live_${text}`),
    )
    fc.assert(
      fc.property(noise, (text) => parseToken(text) === undefined),
      { numRuns: 5000 },
    )
  })

  it('TK-09 are not looked for in a hundred kilobytes', () => {
    expect(parseToken('pt_live_'.padEnd(100_000, '0'))).toBeUndefined()
  })

  it('are never alike', () => {
    const many = Array.from({ length: 10_000 }, () => mintToken('pt', 'live'))
    expect(new Set(many).size).toBe(10_000)
  })

  it.each([
    ['production', 'live'],
    ['development', 'test'],
    ['Production', 'test'],
    ['', 'test'],
  ])('of environment %j say %s', (environment, mode) => {
    expect(tokenModeOf(environment)).toBe(mode)
  })
})
