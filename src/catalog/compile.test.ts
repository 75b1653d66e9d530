import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Catalog } from './catalog.ts'
import { compileCatalog } from './compile.ts'
import type { ServiceSettings } from './settings.ts'

/** A small service; `body` continues its file at the top level. */
function aService(body: string, id = 'acme'): string {
  return `schema: 1
id: ${id}
name: Acme
category: other
hosts:
  - {host: api.acme.com, role: api}
  - {host: up.acme.com, role: upload}
  - {host: "*.acme.net", role: api}
auth:
  accept: [{in: header, name: authorization, scheme: bearer}]
  inject: [{in: header, name: authorization, format: "Bearer {secret}"}]
  credential: {type: api_key}
scopes:
  read: {risk: read, title: Read}
  write: {risk: write, title: Write}
  secrets: {risk: secrets, title: Secrets}
${body}`
}

/** Lines of `aService` before its body. */
const HEAD = 16

function compile(
  text: string,
  settings: Record<string, ServiceSettings> = {},
): ReturnType<typeof compileCatalog> {
  return compileCatalog([{ path: 'acme.yaml', text }], new Map(Object.entries(settings)))
}

function catalogFor(text: string, settings?: Record<string, ServiceSettings>): Catalog {
  const compiled = compile(text, settings)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error))
  return compiled.value
}

function mistakesIn(text: string, settings?: Record<string, ServiceSettings>): string[] {
  const compiled = compile(text, settings)
  return compiled.ok
    ? []
    : compiled.error.map(({ line, message }) => `${(line ?? HEAD) - HEAD}: ${message}`)
}

describe('a service file with a mistake', () => {
  it.each([
    ['ruels: []', '1: unknown key "ruels"; did you mean "rules"?'],
    [
      'rules:\n  - {scope: read, mach: [GET /a]}',
      '2: rules[0]: unknown key "mach"; did you mean "match"?',
    ],
    ['rules:\n  - {scope: read, match: GET /a}', '2: rules[0].match: must be a list'],
    [
      'rules:\n  - {scope: raed, match: [GET /a]}',
      '2: rules[0].scope: there is no scope "raed"; did you mean "read"?',
    ],
    [
      'rules:\n  - scope: read\n    match:\n      - GET /a\n      - GETS /b',
      '5: rules[0].match[1]: knows no method "GETS"',
    ],
    ['rules:\n  - {match: [GET /a]}', '2: rules[0].scope: is missing: must be a text'],
    ['refusal: slak', '1: refusal: knows no "slak"; did you mean "slack"?'],
    ['rules: []\nrules: []', '2: is not YAML: Map keys must be unique'],
    ['guards:\n  - {when: {in: query, field: a}}', '2: guards[0]: needs "action"'],
    [
      'guards:\n  - {when: {in: header, field: a}, action: deny}',
      '2: guards[0].when: unknown key "field"',
    ],
    [
      'guards:\n  - {when: {in: json, field: a}, action: deny}',
      '2: guards[0]: looks at the body: name the operations in "match"',
    ],
    [
      'guards:\n  - {when: {in: query, field: a}, action: strip}',
      '2: guards[0]: can strip headers only',
    ],
    [
      'guards:\n  - {when: {in: header, name: a}, require: admin}',
      '2: guards[0].require: there is no scope "admin"',
    ],
    ['path_suffixes: [json]', '1: path_suffixes[0]: must be as .json'],
    ['aliases:\n  - {from: "/a/{id}/**", to: "/b/{is}/**"}', '2: aliases[0]: uses a {capture}'],
    ['aliases:\n  - {from: "/a/**", to: "/b"}', '2: aliases[0]: must end in "**" on both sides'],
  ])('%j says so with its line', (body, expected) => {
    expect(mistakesIn(aService(body)).some((line) => line.startsWith(expected))).toBe(true)
  })

  it.each([
    ['where: {any: [{in: json, field: a, matches: "(a)\\\\1"}]}', 'may not use "\\1"'],
    ['where: {any: [{in: json, field: a, matches: "(?=a)"}]}', 'may not look around'],
    ['where: {any: [{in: json, field: "a..b"}]}', 'has a field "a..b"'],
    ['where: {any: [{in: json, field: a, equals: 1, matches: b}]}', 'takes one of'],
    ['where: {any: []}', ''],
    ['where: {}', 'needs "any" or "all"'],
  ])('AV-06 refuses the condition %s', (where, expected) => {
    const rules = `rules:\n  - {scope: read, match: [GET /a]}\n  - {scope: write, ${where}, match: [GET /a]}`
    expect(mistakesIn(aService(rules)).join()).toMatch(expected === '' ? /^3: / : expected)
  })

  it.each(['(a+)+\\\\1', '(?!x)', '\\\\bx'])('AV-06 refuses the tripwire %s', (words) => {
    const body = `tripwires:\n  - {words: "${words}", methods: ANY, scope: secrets}`
    expect(mistakesIn(aService(body))).toHaveLength(1)
  })

  it('AV-06 refuses a credential pattern that could backtrack', () => {
    const text = aService('').replace(
      '{type: api_key}',
      '{type: api_key, fields: [{name: secret, secret: true, pattern: "^(a+)+$"}]}',
    )
    expect(mistakesIn(text).join()).toContain('may vary its length in one place only')
  })

  it('shows all of them at once', () => {
    const body =
      'rules:\n  - {scope: raed, match: [GET /a]}\n  - {scope: read, match: [GOT /b, GUT /c]}'
    expect(mistakesIn(aService(body))).toHaveLength(3)
  })

  it('is never a crash', () => {
    const values = fc.jsonValue()
    const keys = fc.constantFrom('rules', 'guards', 'hosts', 'scopes', 'auth', 'aliases', 'extends')
    fc.assert(
      fc.property(fc.dictionary(keys, values), fc.string(), (changes, noise) => {
        const text = `${JSON.stringify({ schema: 1, id: 'acme', ...changes })}\n`
        expect(compile(text).ok).toBe(false)
        expect(typeof compile(noise).ok).toBe('boolean')
      }),
    )
  })

  it.each(['a: *b', 'a: &a [*a]', '*!', 'a: &a {b: *a}'])('AV-06 is the alias in %j', (text) => {
    expect(compile(text)).toMatchObject({
      ok: false,
      error: [{ message: expect.stringMatching(/alias/i) as string }],
    })
  })

  it('AD-03 is a key that would reach a prototype', () => {
    expect(mistakesIn(aService('__proto__: {admin: true}')).length).toBeGreaterThan(0)
    expect(mistakesIn(aService('').replace('  read:', '  __proto__:')).length).toBeGreaterThan(0)
  })
})

describe('rules that cannot stand together', () => {
  it.each([
    ['the same line twice', { read: ['GET /a'], write: ['GET /a'] }, 'ties with'],
    ['one way and another', { read: ['GET /(a|b)'], write: ['GET /b'] }, 'ties with'],
    ['globs of one rank', { read: ['GET /a*'], write: ['GET /*a'] }, 'equally specific'],
  ])('%s in two scopes', (_, { read, write }, expected) => {
    const body = `rules:
  - {scope: read, match: ${JSON.stringify(read)}}
  - {scope: write, match: ${JSON.stringify(write)}}`
    expect(mistakesIn(aService(body)).join()).toContain(expected)
  })

  it.each([
    ['methods', 'GET,POST /a', 'GET /a'],
    ['shape', 'GET /a/*', 'GET /a/**'],
    ['literals', 'GET /a/b', 'GET /a/*'],
    ['globs', 'GET /ab*', 'GET /a*'],
    ['exclusive globs', 'GET /a*x', 'GET /b*x'],
  ])('are told apart by %s', (_, read, write) => {
    const body = `rules:
  - {scope: read, match: [${JSON.stringify(read)}]}
  - {scope: write, match: [${JSON.stringify(write)}]}`
    expect(mistakesIn(aService(body))).toEqual([])
  })

  it('are told apart by hosts', () => {
    const body = `rules:
  - {scope: read, match: [GET /a]}
  - {scope: write, hosts: [up.acme.com], match: [GET /a]}`
    const catalog = catalogFor(aService(body))
    const match = (host: string) =>
      catalog.match(catalog.services.get('acme')!, {
        method: 'GET',
        host,
        target: { path: '/a', query: undefined, segments: ['a'] },
      })
    expect(match('api.acme.com')).toMatchObject({ value: { baseScopes: ['acme:read'] } })
    expect(match('up.acme.com')).toMatchObject({ value: { baseScopes: ['acme:write'] } })
    expect(match('x.acme.net').ok).toBe(false)
  })

  it('include a line that never decides', () => {
    const body = 'rules:\n  - {scope: read, match: [GET /a, GET /b, "GET /(a|b)"]}'
    expect(mistakesIn(aService(body))).toEqual([
      '2: rules[0].match[2]: "GET /(a|b)" never decides: another rule with the same path comes before it',
    ])
  })

  it('include a condition on paths that no rule knows', () => {
    const body = `rules:
  - {scope: read, match: [GET /a]}
  - {scope: write, where: {any: [{in: query, field: x}]}, match: [GET /b, GET /*]}`
    expect(mistakesIn(aService(body))).toEqual([
      '3: rules[1].match[0]: "/b" adds a scope where no rule without "where" gives one',
    ])
  })
})

describe('one service from another', () => {
  const base = { path: 'acme.yaml', text: aService('rules:\n  - {scope: read, match: [GET /a]}') }
  const load = (
    files: { path: string; text: string }[],
    settings: Record<string, ServiceSettings> = {},
  ) => compileCatalog([base, ...files], new Map(Object.entries(settings)))

  it('keeps its rules and gets scopes of its own', () => {
    const loaded = load([], {
      mock: { extends: 'acme', credential: 'shared', hosts: ['x.acme.net'] },
    })
    expect(loaded).toMatchObject({ ok: true })
    if (!loaded.ok) return
    const mock = loaded.value.services.get('mock')!
    expect(mock).toMatchObject({ credential: 'shared', name: 'Acme (mock)' })
    expect([...mock.scopes.values()].map(({ id }) => id)).toEqual([
      'mock:read',
      'mock:write',
      'mock:secrets',
    ])
    expect(mock.hosts.map(({ name }) => name)).toContain('x.acme.net')
    expect(mock.digest).not.toBe(loaded.value.services.get('acme')?.digest)
  })

  it('adds rules and scopes in a file', () => {
    const text = `schema: 1
id: acme-plus
extends: acme
scopes: {extra: {risk: admin, title: Extra}}
rules: [{scope: extra, match: [POST /b]}]`
    const loaded = load([{ path: 'plus.yaml', text }])
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.error))
    const plus = loaded.value.services.get('acme-plus')!
    expect([...plus.scopes.keys()]).toEqual(['read', 'write', 'secrets', 'extra'])
    expect(plus.definition).toMatchObject({ rules: [{ scope: 'read' }, { scope: 'extra' }] })
  })

  it('names the file and line that a mistake is in, wherever it was put together', () => {
    const text = 'schema: 1\nid: plus\nextends: acme\nrules:\n  - {scope: write, match: [GET /a]}'
    expect(load([{ path: 'plus.yaml', text }])).toMatchObject({
      ok: false,
      error: [{ file: 'plus.yaml', line: 5, message: expect.stringContaining('ties') as string }],
    })
  })

  it('shares a credential by same_as', () => {
    const text = aService('', 'other').replace('{type: api_key}', '{same_as: acme}')
    const loaded = load([{ path: 'other.yaml', text }], { acme: { credential: 'main' } })
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.error))
    expect(loaded.value.services.get('other')).toMatchObject({
      credential: 'main',
      credentialForms: [{ type: 'api_key', fields: [{ name: 'secret' }] }],
    })
  })

  it.each([
    ['schema: 1\nid: a1\nextends: acne\n', 'there is no service "acne"; did you mean "acme"?'],
    ['schema: 1\nid: a1\nextends: a1\n', '"a1" extends itself'],
    [aService(''), '"acme" is defined in acme.yaml already'],
  ])('refuses %j', (text, expected) => {
    const loaded = load([{ path: 'new.yaml', text }])
    const messages = loaded.ok ? [] : loaded.error.map(({ message }) => message)
    expect(messages.join()).toContain(expected)
  })

  it.each([
    [{ acmee: {} }, 'services.acmee: there is no service "acmee"; did you mean "acme"?'],
    [{ m: { extends: 'acmee' } }, 'services.m: there is no service "acmee"; did you mean "acme"?'],
    [{ acme: { extends: 'acme' } }, 'services.acme: has a file of its own already'],
    [
      { acme: { hosts: ['evil.com'] } },
      'services.acme: "evil.com" is under no wildcard host of acme',
    ],
  ])('refuses the settings %j', (settings: Record<string, ServiceSettings>, expected) => {
    const loaded = load([], settings)
    const messages = loaded.ok ? [] : loaded.error.map(({ message }) => message)
    expect(messages.join()).toContain(expected)
  })
})

describe('a credential', () => {
  const withCredential = (credential: string) =>
    catalogFor(
      aService('rules:\n  - {scope: read, match: [GET /a]}').replace('{type: api_key}', credential),
    ).services.get('acme')!

  it('from which tokens are minted can be an access token as well', () => {
    const url = 'https://id.example/token'
    const service = withCredential(`{type: oauth2_refresh, mint: {token_url: "${url}"}}`)
    expect(service.support).toEqual({
      ready: true,
      note: 'mints short-lived tokens (oauth2_refresh)',
    })
    expect(service.credentialForms).toMatchObject([
      {
        type: 'oauth2_refresh',
        fields: [{ name: 'client_id' }, { name: 'client_secret' }, { name: 'refresh_token' }],
        mint: { url, clientAuth: 'basic', body: 'form' },
      },
      { type: 'access_token', fields: [{ name: 'secret', secret: true }] },
    ])
  })

  it('is minted where the configuration says, or else with the service', () => {
    const form = '{type: github_app, mint: {token_url: "https://api.acme.com/t/{app_id}"}}'
    const tokenOrigin = { url: 'https://127.0.0.1:1', allowPrivateAddress: true, ca: 'PEM' }
    const text = aService('rules:\n  - {scope: read, match: [GET /a]}')
    const mintWith = (acme: ServiceSettings) =>
      catalogFor(text.replace('{type: api_key}', form), { acme }).services.get('acme')
        ?.credentialForms[0]?.mint
    expect(mintWith({ tokenOrigin })).toMatchObject({
      url: 'https://127.0.0.1:1/t/{app_id}',
      allowPrivateAddress: true,
      ca: 'PEM',
    })
    const origin = { url: 'https://127.0.0.1:2', allowPrivateAddress: false }
    expect(mintWith({ origin })).toMatchObject({ url: 'https://127.0.0.1:2/t/{app_id}' })
    expect(mintWith({})).toMatchObject({ url: 'https://api.acme.com/t/{app_id}' })
  })

  it.each([
    ['{type: oauth2_refresh}', 'mint.token_url'],
    ['{type: google_service_account}', 'mint.scope'],
    ['{type: oauth2_refresh, mint: {token_url: "http://id.example/"}}', 'https URL'],
  ])('%s is refused', (credential, expected) => {
    const text = aService('rules:\n  - {scope: read, match: [GET /a]}')
    expect(mistakesIn(text.replace('{type: api_key}', credential)).join()).toContain(expected)
  })

  it('is split by scope under names of its own', () => {
    const service = withCredential('{type: api_key, split: {admin: [secrets]}}')
    expect([...service.credentialSplits]).toEqual([['secrets', 'acme-admin']])
  })

  it('goes nowhere that is not a host of the service, and is made of fields that exist', () => {
    const text = aService('').replace(
      'format: "Bearer {secret}"',
      'format: "Bearer {sekret}", hosts: [evil.com]',
    )
    expect(mistakesIn(text).join()).toMatch(/"sekret".*"evil.com" is no host/)
  })
})
