import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { injectPath, parseSlotPattern } from './path.ts'
import { parseTemplate } from './template.ts'

function inject(pattern: string, path: string, value = '123:a/b') {
  const findSlot = parseSlotPattern(pattern)
  const template = parseTemplate('{secret}')
  if (!findSlot.ok || !template.ok) throw new Error('pattern')
  const step = injectPath({ pattern, findSlot: findSlot.value, template: template.value })
  const result = step({ headers: [], path, query: 'q=1' }, new Map([['secret', new Secret(value)]]))
  return result.ok ? result.value.path : result.error
}

describe('a credential in the path', () => {
  it.each([
    ['/bot{token}/**', '/bot-/getMe', '/bot123:a%2Fb/getMe'],
    ['/bot{token}/**', '/bot/getMe', '/bot123:a%2Fb/getMe'],
    ['/bot{token}/**', '/bot-', '/bot123:a%2Fb'],
    ['/file/bot{token}/**', '/file/bot-/a%20b/%2e', '/file/bot123:a%2Fb/a%20b/%2e'],
    ['/v1/*/{token}', '/v1/users/-', '/v1/users/123:a%2Fb'],
    ['/a.b/x{token}y', '/a.b/x-y', '/a.b/x123:a%2Fby'],
  ])('of %s makes %s into %s', (pattern, path, expected) => {
    expect(inject(pattern, path)).toBe(expected)
  })

  it.each([
    ['/bot{token}/**', '/bo/getMe'],
    ['/bot{token}/**', '/x/bot-/getMe'],
    ['/v1/*/{token}', '/v1/users/a/-'],
    ['/a.b/{token}', '/aXb/-'],
  ])('of %s refuses %s', (pattern, path) => {
    expect(inject(pattern, path)).toEqual({ reason: 'slot_missing', pattern })
  })

  it.each(['', '.', '..', '\ud800'])('refuses the value %j', (value) => {
    expect(inject('/{token}', '/-', value)).toEqual({ reason: 'value_unusable', place: 'path' })
  })

  it('never makes more segments, and leaves the others alone', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        const path = inject('/bot{token}/**', '/bot-/getMe', value)
        expect(typeof path === 'string' ? path.split('/').length : 3).toBe(3)
      }),
    )
  })
})

describe('a path pattern', () => {
  it.each([
    '',
    'bot{token}',
    '/bot',
    '/{a}/{b}',
    '/{a}{b}',
    '/**/{token}',
    '/{token',
    '/a*/{token}',
  ])('%j is refused', (pattern) => {
    expect(parseSlotPattern(pattern)).toMatchObject({ ok: false })
  })

  it('is read without ever throwing', () => {
    fc.assert(fc.property(fc.string(), (pattern) => void parseSlotPattern(pattern)))
  })
})
