import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseJsonObject } from './json.ts'

it.each([
  ['an empty object', '{}'],
  ['escapes and structure inside strings', '{"a":"{\\"b\\":1,\\"b\\":2}","b":[":","}"]}'],
  ['equal names in different objects', '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}'],
  ['spaces', ' { "a" : 1 , "b" : [ ] } '],
])('reads %s', (_case, text) => {
  expect(parseJsonObject(text)).toEqual(JSON.parse(text))
})

it.each([
  ['an array', '[]'],
  ['null', 'null'],
  ['a string', '"x"'],
  ['nothing', ''],
  ['something behind', '{}x'],
  ['a trailing comma', '{"a":1,}'],
  ['a repeated name', '{"alg":"EdDSA","alg":"none"}'],
  ['a name repeated in escapes', '{"alg":"EdDSA","\\u0061lg":"none"}'],
  ['a repeated name further in', '{"a":[{"b":1,"b":2}]}'],
  ['AD-03 a prototype', '{"__proto__":{"admin":true}}'],
  ['AD-03 a prototype in escapes', '{"a":{"__pr\\u006fto__":1}}'],
])('refuses %s', (_case, text) => {
  expect(parseJsonObject(text)).toBeUndefined()
})

it('agrees with JSON.parse on every object without repeated names', () => {
  const object = fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(object, (value) => {
      const text = JSON.stringify(value)
      if (text.includes('"__proto__"')) return
      expect(parseJsonObject(text)).toEqual(JSON.parse(text))
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => typeof parseJsonObject(text) !== 'string'))
})
