import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { InjectRule, Service } from '../catalog/service.ts'
import type { Credential } from '../secret/credential-source.ts'
import { Secret } from '../secret/secret.ts'
import { checkInjection, injectCredential } from './inject.ts'
import type { Outgoing } from './outgoing.ts'

/** Only `inject` matters here; everything else of a service is another part's business. */
const aService = (...inject: InjectRule[]) => ({ id: 'test', inject }) as unknown as Service

const header = (name: string, format: string, extra: object = {}): InjectRule => ({
  in: 'header',
  name,
  format,
  optional: false,
  ...extra,
})

const aCredential = (fields: Record<string, string>): Credential => ({
  name: 'test',
  version: 'v1',
  fields: new Map(Object.entries(fields).map(([name, value]) => [name, new Secret(value)])),
})

const anOutgoing = (overrides: Partial<Outgoing> = {}): Outgoing => ({
  headers: [
    ['Host', 'api.example.com'],
    ['Accept', '*/*'],
  ],
  path: '/v1/charges',
  query: 'limit=1&x=%2f',
  ...overrides,
})

const inject = (
  service: Service,
  fields: Record<string, string>,
  { host = 'api.example.com', ...overrides }: Partial<Outgoing> & { host?: string } = {},
) => injectCredential({ service, host, credential: aCredential(fields) }, anOutgoing(overrides))

const BEARER = header('authorization', 'Bearer {secret}')
const GIT = header('authorization', 'Basic {base64:x-access-token:{secret}}', {
  hosts: ['github.com'],
})
const OPENAI = [
  BEARER,
  header('openai-organization', '{organization}', { optional: true }),
  header('openai-project', '{project}', { optional: true }),
]

describe('an injected credential', () => {
  it('stands in its header, and everything else is as it was', () => {
    expect(inject(aService(BEARER), { secret: 'sk_live_1' })).toEqual({
      ok: true,
      value: {
        headers: [
          ['Host', 'api.example.com'],
          ['Accept', '*/*'],
          ['authorization', 'Bearer sk_live_1'],
        ],
        path: '/v1/charges',
        query: 'limit=1&x=%2f',
      },
    })
  })

  it('replaces every header of its name, however it is spelled', () => {
    const result = inject(
      aService(BEARER),
      { secret: 'real' },
      {
        headers: [
          ['Authorization', 'Bearer one'],
          ['AUTHORIZATION', 'two'],
          ['Authorization2', 'kept'],
          ['authorization', 'three'],
        ],
      },
    )
    expect(result.ok && result.value.headers).toEqual([
      ['Authorization2', 'kept'],
      ['authorization', 'Bearer real'],
    ])
  })

  it('does not change the request that it was given', () => {
    const outgoing = anOutgoing({ headers: [['authorization', 'Bearer own']] })
    const before = structuredClone(outgoing)
    injectCredential(
      { service: aService(BEARER), host: 'x', credential: aCredential({ secret: 's' }) },
      outgoing,
    )
    expect(outgoing).toEqual(before)
  })

  it('brings optional fields along where the credential has them', () => {
    const names = (fields: Record<string, string>) => {
      const result = inject(aService(...OPENAI), fields, { headers: [['openai-project', 'own']] })
      return result.ok && result.value.headers.map(([name, value]) => `${name}: ${value}`)
    }
    expect(names({ secret: 's', organization: 'org-1' })).toEqual([
      'openai-project: own',
      'authorization: Bearer s',
      'openai-organization: org-1',
    ])
    expect(names({ secret: 's', project: 'p' })).toEqual([
      'authorization: Bearer s',
      'openai-project: p',
    ])
  })

  it.each([
    ['api.github.com', 'Bearer s'],
    ['github.com', 'Basic eC1hY2Nlc3MtdG9rZW46cw=='],
  ])('takes the form that %s wants, whatever the order of the rules', (host, value) => {
    for (const service of [aService(BEARER, GIT), aService(GIT, BEARER)]) {
      const result = inject(service, { secret: 's' }, { host, headers: [] })
      expect(result.ok && result.value.headers).toEqual([['authorization', value]])
    }
  })

  it('CE-07 does not go to a host that no rule is for', () => {
    const only = header('authorization', 'Bearer {secret}', { hosts: ['*.example.com'] })
    expect(inject(aService(only), { secret: 's' }, { host: 'eu.example.com' })).toMatchObject({
      ok: true,
    })
    for (const host of ['example.com', 'example.com.evil', 'evilexample.com'])
      expect(inject(aService(only), { secret: 's' }, { host })).toEqual({
        ok: false,
        error: { reason: 'no_injection_rule', host },
      })
  })

  it('is never left out: a service with optional rules only refuses', () => {
    expect(inject(aService(OPENAI[1]!), { organization: 'o' })).toMatchObject({
      error: { reason: 'no_injection_rule' },
    })
    expect(inject(aService(), { secret: 's' })).toMatchObject({
      error: { reason: 'no_injection_rule' },
    })
  })

  it('says which field is missing', () => {
    expect(inject(aService(BEARER), { access_token: 's' })).toEqual({
      ok: false,
      error: { reason: 'field_missing', field: 'secret' },
    })
  })

  it.each<[string, string]>([
    ['a line break', 'a\r\nX-Injected: 1'],
    ['a line feed', 'a\nb'],
    ['a NUL', 'a\0'],
    ['a DEL', 'a\x7fb'],
    ['a C1 control', 'a\x85b'],
    ['a letter beyond latin-1', 'aλ'],
    ['an emoji', '🔑'],
    ['a space at its end', 'a '],
    ['a tab at its end', 'a\t'],
  ])('is refused with %s in it, and not shown', (_case, secret) => {
    const result = inject(aService(BEARER), { secret })
    expect(result).toEqual({
      ok: false,
      error: { reason: 'value_unusable', place: 'header authorization' },
    })
  })

  it('never makes a header that is not one line of latin-1', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (secret) => {
        const result = inject(aService(BEARER), { secret }, { headers: [] })
        if (!result.ok) return

        expect(result.value.headers[0]?.[1]).toMatch(/^[\x20-\x7e\xa0-\xff\t]+$/)
      }),
    )
  })

  it('goes into query and path as well, at once', () => {
    const service = aService(
      { in: 'query', field: 'key', format: '{secret}' },
      { in: 'path', pattern: '/bot{token}/**', format: '{secret}' },
    )
    expect(inject(service, { secret: 'k' }, { path: '/bot-/x', query: 'a=1' })).toMatchObject({
      value: { path: '/botk/x', query: 'a=1&key=k' },
    })
  })

  it('is compiled again for a service that was loaded anew, and for endless hosts', () => {
    const service = aService(BEARER)
    for (let n = 0; n < 600; n++)
      expect(inject(service, { secret: 's' }, { host: `h${n}.example.com` }).ok).toBe(true)
    expect(
      inject(aService(header('x-api-key', '{secret}')), { secret: 's' }, { headers: [] }),
    ).toMatchObject({
      value: { headers: [['x-api-key', 's']] },
    })
  })
})

describe('the rules of a service', () => {
  const folder = join(import.meta.dirname, '../../services')
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

  it.each(files)('%s can all be compiled', (file) => {
    const { auth } = parse(readFileSync(join(folder, file), 'utf8')) as { auth: Service }
    const inject = auth.inject.filter((rule) => 'format' in rule)
    expect(checkInjection({ inject })).toEqual([])
  })

  it('are refused in words when they cannot', () => {
    const bad = aService(header('x', '{secret'), { in: 'path', pattern: '/x', format: '{secret}' })
    expect(checkInjection(bad)).toEqual([
      'a format is text with {field} and {base64:...} in it',
      'a path pattern has one {slot}, as /bot{token}/**',
    ])
  })
})
