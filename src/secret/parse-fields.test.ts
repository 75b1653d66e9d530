import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectFields, parseFields, type CredentialShape } from './parse-fields.ts'
import { Secret } from './secret.ts'

const field = (name: string, extra: object = {}) => ({
  name,
  secret: false,
  optional: false,
  ...extra,
})

const STRIPE: CredentialShape = {
  forms: [{ type: 'api_key', fields: [field('secret', { secret: true, pattern: /^(sk|rk)_/ })] }],
}
const OPENAI: CredentialShape = {
  forms: [
    {
      type: 'api_key',
      fields: [field('secret', { secret: true }), field('organization', { optional: true })],
    },
  ],
}
const TWILIO: CredentialShape = {
  forms: [
    {
      type: 'basic',
      fields: [
        field('account_sid', { pattern: /^AC[0-9a-f]{4}$/ }),
        field('username'),
        field('secret', { secret: true }),
      ],
    },
  ],
}
const APP: CredentialShape = {
  forms: [
    { type: 'github_app', fields: [field('app_id'), field('private_key', { secret: true })] },
  ],
  headerBound: new Set(['app_id']),
}

function parsed(text: string, shape: CredentialShape): unknown {
  const result = parseFields(new Secret(text), shape)
  if (!result.ok) return result.error.problem
  return Object.fromEntries([...result.value.fields].map(([k, v]) => [k, v.reveal()]))
}

describe('the fields of a credential', () => {
  it.each<[string, string, CredentialShape, object]>([
    ['a raw value', 'sk_live_1', STRIPE, { secret: 'sk_live_1' }],
    ['a raw value with a line break at its end', 'sk_live_1\n', STRIPE, { secret: 'sk_live_1' }],
    ['a raw value with a Windows line break', 'sk_live_1\r\n', STRIPE, { secret: 'sk_live_1' }],
    ['a raw value where the other fields are optional', 'sk-1', OPENAI, { secret: 'sk-1' }],
    [
      'JSON with the optional ones',
      '{"secret":"sk-1","organization":"org-1"}',
      OPENAI,
      { secret: 'sk-1', organization: 'org-1' },
    ],
    ['a service without forms', 'value', { forms: [] }, { secret: 'value' }],
    [
      'user:secret, the user filling its pattern',
      'ACbeef:s:1',
      TWILIO,
      { account_sid: 'ACbeef', username: 'ACbeef', secret: 's:1' },
    ],
    [
      'JSON of a form with several',
      '{"account_sid":"AC1","username":"SK1","secret":"s"}',
      TWILIO,
      { account_sid: 'AC1', username: 'SK1', secret: 's' },
    ],
    [
      'a private key with line breaks',
      '{"app_id":"1","private_key":"a\\nb\\n"}',
      APP,
      { app_id: '1', private_key: 'a\nb\n' },
    ],
  ])('come from %s', (...[, text, shape, fields]) => {
    expect(parsed(text, shape)).toEqual(fields)
  })

  it.each<[string, string, CredentialShape, string]>([
    ['nothing', '', STRIPE, 'is empty'],
    ['a lone line break', '\n', STRIPE, 'is empty'],
    ['two line breaks at the end', 'sk_1\n\n', STRIPE, 'secret has a line break in it'],
    ['a line break inside', 'sk_1\nX-Evil: 1', STRIPE, 'secret has a line break in it'],
    ['a NUL', 'sk_1\0', STRIPE, 'secret has control characters in it'],
    ['an escape character', 'sk\x1b[2J', STRIPE, 'secret has control characters in it'],
    ['a DEL', 'sk\x7f', STRIPE, 'secret has control characters in it'],
    ['a tab at the end', 'sk_1\t', STRIPE, 'secret begins or ends with white space'],
    ['a space in front', ' sk_1', STRIPE, 'secret begins or ends with white space'],
    ['a letter outside ASCII', 'sk_ü', STRIPE, 'secret has characters outside ASCII in it'],
    ['a byte order mark', '\uFEFFsk_1', STRIPE, 'begins with a byte order mark'],
    ['too much', 'a'.repeat(65_537), STRIPE, 'is larger than 64 KiB'],
    [
      'a raw value for several fields',
      'secret',
      TWILIO,
      'needs JSON with account_sid, username, secret',
    ],
    [
      'user:secret that leaves a field open',
      'SK1:secret',
      TWILIO,
      'needs account_sid, username, secret',
    ],
    [
      'JSON without a required field',
      '{"organization":"o"}',
      OPENAI,
      'needs secret, [organization]',
    ],
    [
      'JSON with an unknown field',
      '{"secret":"s","x":"y"}',
      OPENAI,
      'needs secret, [organization]',
    ],
    [
      'JSON with a number',
      '{"secret":1}',
      OPENAI,
      'needs a JSON object of texts with secret, [organization]',
    ],
    [
      'broken JSON',
      '{"secret":',
      OPENAI,
      'needs a JSON object of texts with secret, [organization]',
    ],
    ['JSON with an empty field', '{"secret":""}', OPENAI, 'secret is empty'],
    [
      'JSON that smuggles a header',
      '{"secret":"s","organization":"a\\r\\nb"}',
      OPENAI,
      'organization has a line break in it',
    ],
    [
      'a NUL where line breaks are fine',
      '{"app_id":"1","private_key":"a\\u0000"}',
      APP,
      'private_key has control characters in it',
    ],
  ])('are refused from %s', (...[, text, shape, problem]) => {
    expect(parsed(text, shape)).toBe(problem)
  })

  it('are accepted with a warning when the pattern does not match, without the value', () => {
    const result = parseFields(new Secret('pk_canary'), STRIPE)
    expect(result).toMatchObject({
      ok: true,
      value: { warnings: ['secret does not look as expected: it should match ^(sk|rk)_'] },
    })
    expect(JSON.stringify(result)).not.toContain('canary')
  })

  it('may be given one by one', () => {
    const given = new Map([
      ['secret', new Secret('s')],
      ['organization', new Secret('o')],
    ])
    expect(collectFields(given, OPENAI)).toMatchObject({ ok: true, value: { warnings: [] } })
    expect(collectFields(new Map(), OPENAI)).toMatchObject({ ok: false })
  })

  it('never throw, never quote the value, and never hold what splits a header', () => {
    const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json())
    const shapes = fc.constantFrom(STRIPE, OPENAI, TWILIO)
    fc.assert(
      fc.property(texts, shapes, (text, shape) => {
        const result = parseFields(new Secret(text), shape)
        if (!result.ok) return
        for (const value of result.value.fields.values())
          expect(value.reveal()).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
      }),
    )
  })
})

describe('the key file of a Google service account', () => {
  const shape: CredentialShape = {
    forms: [
      {
        type: 'google_service_account',
        fields: [
          { name: 'client_email', secret: false, optional: false },
          { name: 'private_key', secret: true, optional: false },
          { name: 'subject', secret: false, optional: true },
        ],
      },
    ],
    headerBound: new Set(['secret']),
  }
  const file = {
    ...{ type: 'service_account', project_id: 'p', private_key_id: 'k', client_id: '1' },
    ...{ client_email: 'bot@p.example', private_key: '-----BEGIN\nEND-----\n' },
  }

  it('is taken as it was downloaded', () => {
    const parsed = parseFields(new Secret(JSON.stringify(file, undefined, 2)), shape)
    expect(parsed.ok && [...parsed.value.fields.keys()]).toEqual(['client_email', 'private_key'])
  })

  it('is refused without its key', () => {
    const parsed = parseFields(
      new Secret(JSON.stringify({ ...file, private_key: undefined })),
      shape,
    )
    expect(parsed).toMatchObject({ ok: false })
  })
})
