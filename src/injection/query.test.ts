import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { injectQuery, withoutFields } from './query.ts'
import { parseTemplate } from './template.ts'

function inject(query: string | undefined, value = 'a b&c') {
  const template = parseTemplate('{secret}')
  if (!template.ok) throw new Error(template.error.problem)
  const step = injectQuery({ field: 'key', template: template.value })
  return step({ headers: [], path: '/v1', query }, new Map([['secret', new Secret(value)]]))
}

describe('a credential in the query', () => {
  it.each([
    [undefined, 'key=a%20b%26c'],
    ['', 'key=a%20b%26c'],
    ['x=1&y=%2f%2F+~', 'x=1&y=%2f%2F+~&key=a%20b%26c'],
    ['key=own', 'key=a%20b%26c'],
    ['x=1&key=own&y=2&%6bey=own&key', 'x=1&y=2&key=a%20b%26c'],
    ['keys=1&Key=2', 'keys=1&Key=2&key=a%20b%26c'],
    ['a=%zz&%zz=1&&', 'a=%zz&%zz=1&&&key=a%20b%26c'],
  ])('added to %j gives %j', (query, expected) => {
    expect(inject(query)).toMatchObject({ ok: true, value: { query: expected } })
  })

  it('is refused when it has no encoded form', () => {
    expect(inject('x=1', '\ud800')).toMatchObject({ error: { reason: 'value_unusable' } })
  })
})

describe('a query without some fields', () => {
  it('keeps the other bytes as they are', () => {
    const pair = fc.tuple(fc.string(), fc.string()).map(([a, b]) => `${a}=${b}`.replaceAll('&', ''))
    const clean = pair.filter((text) => !/[%+]/.test(text) && !text.startsWith('token='))
    fc.assert(
      fc.property(fc.array(clean, { minLength: 1 }), fc.nat(), (pairs, at) => {
        const index = at % (pairs.length + 1)
        const query = pairs.toSpliced(index, 0, 'token=phantom').join('&')
        expect(withoutFields(query, new Set(['token']))).toBe(pairs.join('&'))
      }),
    )
  })

  it('is the very same text when none is there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (query) => {
        return withoutFields(query, new Set(['a-name-that-is-not-there'])) === query
      }),
    )
  })

  it.each([
    ['token=x', undefined],
    ['token', undefined],
    ['%74oken=x', undefined],
    ['a=1&token=x', 'a=1'],
    ['token=x&a=1', 'a=1'],
    ['a=token', 'a=token'],
    [undefined, undefined],
  ])('%j becomes %j', (query, expected) => {
    expect(withoutFields(query, new Set(['token']))).toBe(expected)
  })
})
