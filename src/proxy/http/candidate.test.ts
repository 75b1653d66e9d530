import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../token/token.ts'
import { findEmbedded, hideTokens, holdsBasicToken, readCandidates } from './candidate.ts'

const TOKEN = mintToken('pt', 'live')
const OTHER = mintToken('pt', 'live')
const JWT = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k' })}.${'p'.repeat(80)}.${'s'.repeat(86)}`
const PREFIXES = new Set(['sk_live_'])

const ours = (text: string, form = 'opaque') => ({ isOurs: true, presented: { text, form } })
const read = (value: string) => readCandidates('authorization', value, PREFIXES)

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

describe('readCandidates', () => {
  it.each([
    [TOKEN, ours(TOKEN)],
    [`Bearer ${TOKEN}`, ours(TOKEN)],
    [`Bearer sk_live_${TOKEN}`, ours(TOKEN)],
    [`Bearer ${JWT}`, ours(JWT, 'jwt')],
    [basic(`${TOKEN}:`), ours(TOKEN)],
    [basic(`x-access-token:${TOKEN}`), ours(TOKEN)],
    [basic(TOKEN), ours(TOKEN)],
    [`Bearer xx_live_${TOKEN}`, { isOurs: false, text: `xx_live_${TOKEN}` }],
    [`BEARER ${TOKEN}`, { isOurs: false, text: `BEARER ${TOKEN}` }],
    ['Bearer sk_live_1', { isOurs: false, text: 'sk_live_1' }],
    [basic('a:b'), { isOurs: false, text: 'a:b' }],
  ])('reads %s', (value, candidate) => {
    expect(read(value)).toMatchObject([candidate])
  })

  it('reads both halves of Basic when both are ours, and nothing from nothing', () => {
    expect(read(basic(`${TOKEN}:${OTHER}`))).toMatchObject([ours(TOKEN), ours(OTHER)])
    expect(read('')).toEqual([])
  })

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (noise) => {
        for (const prefix of ['', 'Bearer ', 'Basic ', 'token ']) read(prefix + noise)
      }),
    )
  })
})

describe('hideTokens', () => {
  it('takes every token of ours out of any text, and changes no other text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        for (const token of [TOKEN, JWT]) {
          const hidden = hideTokens(`${before} ${token} ${after}`)
          expect(hidden).not.toContain(token)
          expect(findEmbedded(hidden)).toBeUndefined()
        }
        expect(hideTokens(before)).toBe(before)
      }),
    )
  })

  it('leaves the tokens of others', () => {
    const foreign = `${encode({ alg: 'RS256', typ: 'JWT' })}.${'p'.repeat(80)}.${'s'.repeat(86)}`
    expect(hideTokens(foreign)).toBe(foreign)
    expect(findEmbedded(foreign)).toBeUndefined()
  })

  it('knows Basic with one of ours inside', () => {
    expect(holdsBasicToken(basic(`a:${TOKEN}`))).toBe(true)
    expect(holdsBasicToken(basic(`a:${'b'.repeat(60)}`))).toBe(false)
  })
})
