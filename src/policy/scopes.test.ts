import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Scope } from '../catalog/service.ts'
import { MAX_SCOPES, parseScopes, servicesOf } from './scopes.ts'

const NAMES = ['stripe:read', 'stripe:write', 'stripe:refund', 'github:read', 'google-drive:read']
const known = new Map<string, Scope>(
  NAMES.map((id) => [
    id,
    { id, name: id.slice(id.indexOf(':') + 1), risk: 'read', title: '', effects: [] },
  ]),
)

describe('parseScopes', () => {
  it('reads a list', () => {
    const parsed = parseScopes('stripe:read,stripe:write', known)
    expect(parsed).toEqual({ ok: true, value: new Set(['stripe:read', 'stripe:write']) })
  })

  it('reads names that came one by one', () => {
    expect(parseScopes(['google-drive:read'], known).ok).toBe(true)
  })

  it.each([
    ['a wildcard', 'stripe:*'],
    ['a lone star', '*'],
    ['a newline', 'stripe:read\nadmin'],
    ['a trailing newline', 'stripe:read\n'],
    ['nothing', ''],
    ['an empty member', 'stripe:read,,stripe:write'],
    ['a trailing comma', 'stripe:read,'],
    ['a space', 'stripe:read, stripe:write'],
    ['a NUL', 'stripe:read\0'],
    ['a look-alike letter', 'ѕtripe:read'],
    ['a full-width colon', 'stripe：read'],
    ['an invisible letter', 'stripe:re\u200bad'],
    ['upper case', 'Stripe:Read'],
    ['no action', 'stripe'],
    ['two colons', 'stripe:read:write'],
    ['an unknown service', 'strpe:read'],
    ['an unknown scope', 'stripe:raed'],
    ['a name of Object', '__proto__:constructor'],
    ['a name of Object as scope', 'constructor'],
    ['a very long name', `stripe:${'a'.repeat(100_000)}`],
  ])('SC-15 refuses %s', (_case, text) => {
    expect(parseScopes(text, known)).toMatchObject({ ok: false })
  })

  it('SC-15 refuses a list inside one member of a list', () => {
    expect(parseScopes(['stripe:read,github:read'], known)).toMatchObject({ ok: false })
  })

  it('SC-15 refuses 10^4 scopes before looking at them', () => {
    const many = Array.from({ length: 10_000 }, () => 'stripe:read')
    expect(parseScopes(many, known)).toMatchObject({
      error: { problem: `at most ${MAX_SCOPES} scopes are allowed` },
    })
    expect(parseScopes(many.join(','), known).ok).toBe(false)
    expect(parseScopes([], known).ok).toBe(false)
  })

  it.each([
    ['stripe:raed', 'stripe:read'],
    ['strpe:read', 'stripe:read'],
    ['githb:refund', 'github'],
  ])('names the nearest valid name for %s: %s', (text, nearest) => {
    expect(parseScopes(text, known)).toMatchObject({ error: { nearest } })
  })

  it('keeps foreign bytes out of its message', () => {
    const parsed = parseScopes('\u001b[2J\u202e\n:x', known)
    expect(parsed.ok ? '' : parsed.error.problem).toMatch(/^[\x20-\x7e]*$/)
  })

  it('accepts nothing but names of the catalogue, whatever comes', () => {
    const word = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom(...NAMES))
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), (words) => {
        const parsed = parseScopes(words.join(','), known)
        return !parsed.ok || [...parsed.value].every((scope) => known.has(scope))
      }),
    )
  })
})

it('servicesOf names each service once, sorted', () => {
  expect(servicesOf(['stripe:read', 'github:read', 'stripe:write'])).toEqual(['github', 'stripe'])
})
