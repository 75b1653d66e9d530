/** Each kind of place for a credential, against whatever an agent writes: there, and nowhere else. */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'
import type { RecordedRequest } from '../support/request-reader.ts'

const KEY = 'canaryKey51Canary0123456789'
const OTHER = 'canaryOther98Canary76543210'
const PAIR = Buffer.from(`caller:${KEY}`).toString('base64')

interface Kind {
  readonly inject: readonly string[]
  readonly fields: Readonly<Record<string, string>>
  /** Before what the agent writes. */
  readonly path?: string
  /** How the credential looks in its place; each is there once. */
  readonly forms: readonly string[]
  /** And no other form of it is anywhere. */
  readonly absent?: readonly string[]
  readonly places: (request: RecordedRequest) => readonly unknown[]
}

const queryOf = ({ target }: RecordedRequest): string => target.split('?')[1] ?? ''

const KINDS: Readonly<Record<string, Kind>> = {
  header: {
    inject: ['{in: header, name: authorization, format: "Bearer {secret}"}'],
    ...{ fields: { secret: KEY }, forms: [KEY] },
    places: (request) => [request.header('authorization')?.replace('Bearer ', '')],
  },
  headers: {
    inject: [
      '{in: header, name: x-api-key, format: "{secret}"}',
      '{in: header, name: x-app-secret, format: "{other}"}',
    ],
    ...{ fields: { secret: KEY, other: OTHER }, forms: [KEY, OTHER] },
    places: (request) => [request.header('x-api-key'), request.header('x-app-secret')],
  },
  basic: {
    inject: ['{in: header, name: authorization, format: "Basic {base64:{username}:{secret}}"}'],
    ...{ fields: { username: 'caller', secret: KEY }, forms: [PAIR], absent: [KEY] },
    places: (request) => [request.header('authorization')?.replace('Basic ', '')],
  },
  query: {
    inject: ['{in: query, field: key, format: "{secret}"}'],
    ...{ fields: { secret: KEY }, forms: [KEY] },
    places: (request) => new URLSearchParams(queryOf(request)).getAll('key'),
  },
  path: {
    inject: ['{in: path, pattern: "/bot{token}/**", format: "{secret}"}'],
    ...{ fields: { secret: KEY }, path: '/bot-', forms: [KEY] },
    places: ({ target }) => [/^\/bot([^/]*)\//.exec(target)?.[1]],
  },
}

const serviceFile = (id: string, { inject, fields }: Kind): string => `schema: 1
id: ${id}
name: Place
category: other
hosts: [{host: ${id}.example, role: api}]
auth:
  accept: [{in: header, name: authorization, scheme: bearer}]
  inject: [${inject.join(', ')}]
  credential: {type: ${'username' in fields ? 'basic' : 'api_key'}, fields: [${Object.keys(fields)
    .map((name) => `{name: ${name}, secret: ${String(name !== 'username')}}`)
    .join(', ')}]}
scopes: {all: {risk: read, title: All}}
rules: [{scope: all, match: ["ANY /**"]}]
`

const idOf = (kind: string): string => `place-${kind}`

let plane: TestPlane
const tokens = new Map<string, string>()

beforeAll(async () => {
  const kinds = Object.entries(KINDS)
  plane = await startPlane({
    services: kinds.map(([kind]) => idOf(kind)),
    serviceFiles: Object.fromEntries(
      kinds.map(([kind, rules]) => [`${idOf(kind)}.yaml`, serviceFile(idOf(kind), rules)]),
    ),
  })
  for (const [kind, { fields }] of kinds) {
    plane.credentials.set(idOf(kind), fields)
    tokens.set(kind, plane.issue({ scope: `${idOf(kind)}:all` }))
  }
})

afterAll(() => plane.stop())

interface Written {
  /** As it stands in the request line. */
  readonly path: readonly string[]
  readonly query: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** Sends it, and says whether it was forwarded: if so, then with the credential in its place alone. */
async function isForwarded(kind: string, written: Written): Promise<boolean> {
  const rules = KINDS[kind]
  if (!rules) throw new Error(`there is no kind ${kind}`)
  plane.forget()
  const { path, query, headers, body } = written
  const target = ['', idOf(kind)].join('/') + [rules.path ?? '', ...path].join('/')
  await exchangeRaw(
    plane.port,
    requestText(
      `POST ${target}${query === '' ? '' : `?${query}`}`,
      [
        ...['Host: localhost', `Authorization: Bearer ${tokens.get(kind) ?? ''}`],
        ...['Connection: close', `Content-Length: ${Buffer.byteLength(body)}`],
        ...headers.map(([name, value]) => `${name}: ${value}`),
      ],
      body,
    ),
  )
  const [request, ...others] = plane.upstream.requests
  expect(others).toEqual([])
  if (request) expect(rules.places(request)).toEqual(rules.forms)
  for (const form of rules.forms) expect(plane.upstream.count(form)).toBe(request ? 1 : 0)
  for (const form of rules.absent ?? []) expect(plane.upstream.count(form)).toBe(0)
  return request !== undefined
}

/** Marks that a proxy could take for its own, and names of the places themselves. */
const WISHES = [
  ...['{secret}', '{other}', '{token}', '{base64:{username}:{secret}}', '${secret}', '{{secret}}'],
  ...['Bearer {secret}', 'vault:place-header', 'env:KEY', '__SECRET__', '<secret>', '/bot-/'],
  ...['key', 'bot', 'bot-', '-', 'key=', 'x-api-key', '..', '%2e', '%7Bsecret%7D'],
]
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...WISHES) },
  fc.string({ maxLength: 12 }),
)
const NAMES = [
  'key',
  '%6bey',
  'k%65y',
  '%6B%65%79',
  'Key',
  '+key',
  'key%20',
  'note',
  'bot',
  'q[key]',
]
const pair = fc
  .tuple(fc.constantFrom(...NAMES), fc.option(anyText, { nil: undefined }))
  .map(([name, text]) => (text === undefined ? name : `${name}=${encodeURIComponent(text)}`))
const HEADERS = [
  'X-Note',
  'Referer',
  'Cookie',
  'X-Api-Key',
  'X-APP-SECRET',
  'X-Key',
  'Content-Type',
]
const header = fc.tuple(
  fc.constantFrom(...HEADERS),
  anyText.map((text) => text.replace(/[^\x21-\x7e]/g, '')),
)
const written: fc.Arbitrary<Written> = fc.record({
  path: fc.array(
    anyText.map((text) => encodeURIComponent(text) || 'x'),
    { minLength: 1, maxLength: 4 },
  ),
  query: fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&')),
  headers: fc.array(header, { maxLength: 4 }),
  body: fc.oneof(anyText, fc.json()),
})

describe('CE-07 a credential', () => {
  it.each(Object.keys(KINDS))(
    'stands in its place alone: %s',
    { timeout: 60_000 },
    async (kind) => {
      let forwarded = 0
      const runs = 100
      await fc.assert(
        fc.asyncProperty(written, async (request) => {
          if (await isForwarded(kind, request)) forwarded += 1
        }),
        { numRuns: runs },
      )
      expect(forwarded).toBeGreaterThan(runs / 4)
    },
  )

  const plain: Written = { path: ['v1', 'things'], query: '', headers: [], body: '' }

  it.each([
    'key=foo&key=bar&%6bey=evil',
    'key',
    'key=&key',
    'k%65y=evil&note=1',
    `note=1&key=${OTHER}`,
  ])('takes the place of every field of its name: %s', async (query) => {
    expect(await isForwarded('query', { ...plain, query })).toBe(true)
  })

  it.each(['/bot-/getMe', 'next=/bot-/getMe', 'bot{token}', '%2Fbot-%2F'])(
    'goes into the first slot of the path and into no query: %s',
    async (query) => {
      const sent = { ...plain, path: ['bot-', 'getMe'], query: encodeURI(query) }
      expect(await isForwarded('path', sent)).toBe(true)
    },
  )
})
