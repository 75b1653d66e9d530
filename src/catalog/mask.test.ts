import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSecretField, type SecretField } from './answer-secrets.ts'
import { maskFields } from './mask.ts'

function fieldsOf(...texts: readonly string[]): SecretField[] {
  return texts.map((text) => {
    const parsed = parseSecretField(text)
    if (!parsed.ok) throw new TypeError(parsed.error)
    return parsed.value
  })
}

const masked = (text: string, ...fields: readonly string[]) =>
  maskFields(Buffer.from(text), fieldsOf(...fields))?.toString()

describe('fields of an answer that carry secrets', () => {
  it.each([
    ['a.b', '{"a": {"b": "xyz", "c": "d"}, "b": 1}', '{"a": {"b": "***", "c": "d"}, "b": 1}'],
    ['a.b', '{"A": {"B": "xyz"}}', '{"A": {"B": "***"}}'],
    ['a[*].b', '{"a": [{"b": "x"}, {"c": "y"}]}', '{"a": [{"b": "*"}, {"c": "y"}]}'],
    ['a[0]', '{"a": ["x", "y"]}', '{"a": ["*", "*"]}'],
    ['*.b', '{"a": {"b": -12.5e3}, "b": 7}', '{"a": {"b": -11.1e1}, "b": 7}'],
    ['**.k', '{"k": [1, {"x": "yz"}, null, true]}', '{"k": [1, {"x": "**"}, null, true]}'],
    ['**.k', '[[{"a": {"k": "é\\n"}}]]', '[[{"a": {"k": "****"}}]]'],
    ['k', '{"k": "a", "k": "b"}', '{"k": "*", "k": "*"}'],
    ['\\u006b', '{"k": ""}', '{"k": ""}'],
    ['k', '{"\\u006b": "a\\"b"}', '{"\\u006b": "****"}'],
    [
      '**.e[?type=SECRET].v',
      '{"s": {"e": [{"v": "ab", "type": "SECRET"}, {"type": "GENERAL", "v": "cd"}]}}',
      '{"s": {"e": [{"v": "**", "type": "SECRET"}, {"type": "GENERAL", "v": "cd"}]}}',
    ],
    ['e[?t=S]', '{"e": [{"v": "a", "t": "S"}, 1]}', '{"e": [{"v": "*", "t": "*"}, 1]}'],
  ])('named by %s are masked in %s', (field, text, expected) => {
    expect(masked(text, field)).toBe(expected)
  })

  it.each(['', 'no', '{"a": ', '{"a": 1} x', '\ufeff{}', `${'['.repeat(80)}${']'.repeat(80)}`])(
    'cannot be told in %j',
    (text) => {
      expect(masked(text, 'a')).toBeUndefined()
    },
  )

  it.each(['', 'a..b', 'a[?b]', 'a[?b=c]d', 'a.**'])('cannot be named by %j', (field) => {
    expect(parseSecretField(field).ok).toBe(false)
  })

  it('are masked at any depth, and nothing else is changed', () => {
    const hide = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(hide)
      if (typeof value !== 'object' || value === null) return value
      const pairs = Object.entries(value)
      return Object.fromEntries(pairs.map(([key, one]) => [key, key === 's' ? 'S' : hide(one)]))
    }
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('s', 'a', 'b "'), tie('json'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(json, fc.nat(2), (value, space) => {
        const text = JSON.stringify(value, undefined, space)
        const out = masked(text, '**.s') ?? ''
        expect(out.length).toBeLessThanOrEqual(Buffer.byteLength(text))
        expect(hide(JSON.parse(out))).toEqual(hide(value))
        expect(holdsOpenText(JSON.parse(out), false)).toBe(false)
      }),
    )
  })
})

/** Whether a text below a member `s` is anything but stars. */
function holdsOpenText(value: unknown, isSecret: boolean): boolean {
  if (typeof value === 'string') return isSecret && /[^*]/.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, one]) => holdsOpenText(one, isSecret || key === 's'))
}
