import { describe, expect, it } from 'vitest'
import { chooseFields } from './choose-fields.ts'
import type { CredentialShape } from './parse-fields.ts'
import { Secret } from './secret.ts'

const form = (type: string, ...names: string[]) => ({
  type,
  fields: names.map((name) => ({
    name: name.replace('?', ''),
    secret: true,
    optional: name.endsWith('?'),
  })),
})
const KEY: CredentialShape = { forms: [form('api_key', 'secret')] }
const BASIC: CredentialShape = { forms: [form('basic', 'username', 'secret')] }

interface Case {
  readonly stored: Readonly<Record<string, string>>
  readonly field?: string
  readonly shape: CredentialShape
}

function choose({ stored, field, shape }: Case) {
  const fields = new Map(Object.entries(stored).map(([name, value]) => [name, new Secret(value)]))
  const chosen = chooseFields(fields, field, shape)
  if (!chosen.ok) return chosen.error.problem
  return Object.fromEntries([...chosen.value.fields].map(([k, v]) => [k, v.reveal()]))
}

const AWS: CredentialShape = {
  forms: [form('aws', 'access_key_id', 'secret_access_key', 'session_token?')],
}
const USER = { username: 'u', secret: 's' }

describe('the fields of a stored secret', () => {
  it.each<[string, Case, Record<string, string>]>([
    [
      'the one that is named',
      { stored: { key: 'k', other: 'o' }, field: 'key', shape: KEY },
      { secret: 'k' },
    ],
    ['the only one, whatever its name', { stored: { anything: 'k' }, shape: KEY }, { secret: 'k' }],
    [
      'that of the service, among others',
      { stored: { secret: 'k', note: 'n' }, shape: KEY },
      { secret: 'k' },
    ],
    ['all of the service', { stored: { ...USER, note: 'n' }, shape: BASIC }, USER],
    ['those of a database role', { stored: { username: 'u', password: 's' }, shape: BASIC }, USER],
    [
      'a named one that holds several',
      { stored: { both: 'u:s', note: 'n' }, field: 'both', shape: BASIC },
      USER,
    ],
    [
      'without an optional one',
      { stored: { access_key: 'a', secret_key: 's' }, shape: AWS },
      { access_key_id: 'a', secret_access_key: 's' },
    ],
  ])('are %s', (_case, given, expected) => {
    expect(choose(given)).toEqual(expected)
  })

  it.each<[string, Case, string]>([
    [
      'a field that is not there',
      { stored: { other: 'canary3f9d2c' }, field: 'key', shape: KEY },
      'has no field key',
    ],
    [
      'fields that fit no form',
      { stored: { a: 'canary3f9d2c', b: 'x' }, shape: KEY },
      'fit no form',
    ],
    [
      'a line break in a header',
      { stored: { key: 'canary3f9d2c\nX: 1' }, field: 'key', shape: KEY },
      'line break',
    ],
  ])('CE-12 are refused for %s, and not shown', (_case, given, problem) => {
    const said = choose(given)
    expect(said).toContain(problem)
    expect(said).not.toContain('canary')
  })
})
