import { describe, expect, it } from 'vitest'
import { isFieldName, isSealerName, isSecretName } from './names.ts'

describe('the name of a secret', () => {
  it.each(['stripe', 'openai-admin', 'stripe-eu', 's3'])('may be %s', (name) => {
    expect(isSecretName(name)).toBe(true)
  })

  it.each([
    '',
    's',
    'Stripe',
    '1password',
    'a_b',
    'a/b',
    '../a',
    '__proto__',
    'a\n',
    'a'.repeat(65),
  ])('may not be %j', (name) => {
    expect(isSecretName(name)).toBe(false)
  })
})

it.each([
  ['secret', true],
  ['account_sid', true],
  ['__proto__', false],
  ['a-b', false],
  ['', false],
])('a field named %j is %s', (name, expected) => {
  expect(isFieldName(name)).toBe(expected)
})

it.each([
  ['alice', true],
  ['alice.b@example', false],
  ['Alice_B.2', true],
  ['', false],
  ['a b', false],
])('a sealer named %j is %s', (name, expected) => {
  expect(isSealerName(name)).toBe(expected)
})
