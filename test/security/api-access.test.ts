import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createApi } from '../../src/api/app.ts'
import { Failure } from '../../src/base/errors.ts'
import type { LogFields } from '../../src/base/log.ts'
import { mintToken } from '../../src/token/token.ts'
import { createTestApi, type TestApi } from '../support/api.ts'
import { findSecret } from '../support/canary.ts'

/** Everything else must answer 401 without a key. */
const PUBLIC = ['GET /-/live', 'GET /-/ready', 'GET /.well-known/jwks.json']

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
})

/** What the router really holds, not what we think it holds; middleware is mounted on ALL. */
async function allRoutes(): Promise<string[]> {
  const { app } = await createTestApi()
  return app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, 'some-name')}`)
}

const ROUTES = await allRoutes()
const CLOSED = ROUTES.filter((route) => !PUBLIC.includes(route))

/** Bodies of refusals, with the one thing that differs taken out. */
const withoutId = (body: { readonly requestId: string }) =>
  JSON.stringify(body).replaceAll(body.requestId, '')

describe('who may call', () => {
  it('AD-01 the public routes are exactly the listed ones', () => {
    expect(ROUTES.filter((route) => PUBLIC.includes(route)).sort()).toEqual([...PUBLIC].sort())
    expect(CLOSED.length).toBeGreaterThan(15)
  })

  it.each(CLOSED)('AD-01 %s answers 401 without a key', async (route) => {
    const answer = await api.call(route, { key: '' })
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
  })

  it.each(CLOSED)('DL-05 %s answers 401 to a data token', async (route) => {
    const { token } = await api.issue()
    expect((await api.call(route, { key: token })).status).toBe(401)
  })

  it.each([
    'GET /',
    'GET /v1/nothing',
    'OPTIONS /v1/tokens',
    'GET /-/live/',
    'GET /-/LIVE',
    'GET /-/live%2f..',
  ])('AD-01 %s, which is no route, answers 401 as well', async (route) => {
    expect((await api.call(route, { key: '' })).status).toBe(401)
  })

  it('AD-01 every bad key gets the same answer', async () => {
    const removed = await api.call('POST /v1/operators', { body: { name: 'bob', role: 'admin' } })
    await api.call('DELETE /v1/operators/bob')
    const { token } = await api.issue()
    const keys = [
      '',
      'garbage',
      mintToken('ok', 'live'),
      mintToken('ok', 'test'),
      mintToken('mt', 'live'),
      `${api.keys.admin.slice(0, -1)}${api.keys.admin.endsWith('a') ? 'b' : 'a'}`,
      removed.body.key,
      token,
      'x'.repeat(10_000),
    ]
    const answers = await Promise.all(keys.map((key) => api.call('GET /v1/tokens', { key })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    expect(new Set(answers.map(({ body }) => withoutId(body))).size).toBe(1)
  })

  it.each(['Basic YWxpY2U6eA==', 'Bearer', 'Bearer  ', 'Bearer a b', 'Bearer a, Bearer b'])(
    'AD-01 "%s" is no key',
    async (authorization) => {
      const answer = await api.call('GET /v1/tokens', { key: '', headers: { authorization } })
      expect(answer.status).toBe(401)
    },
  )

  it('AD-01 an operator of another environment is nobody here', async () => {
    const other = await createTestApi({
      instance: { ...api.parts.instance, environment: 'development' },
    })
    expect((await api.call('GET /v1/tokens', { key: other.keys.admin })).status).toBe(401)
    expect((await other.call('GET /v1/tokens', { key: api.keys.admin })).status).toBe(401)
  })

  it('counts refused keys by reason, with eight characters of digest at most', async () => {
    const guess = mintToken('ok', 'live')
    await api.call('GET /v1/tokens', { key: '' })
    await api.call('GET /v1/tokens', { key: 'garbage' })
    await api.call('GET /v1/tokens', { key: guess })
    expect(api.audit.counted.map(({ reason }) => reason)).toEqual([
      'token_missing',
      'token_malformed',
      'token_unknown',
    ])
    expect(api.audit.counted[2]?.digestPrefix).toMatch(/^[0-9a-f]{8}$/)
    expect(JSON.stringify(api.audit.counted)).not.toContain(guess)
  })
})

describe('guessing', () => {
  const guess = (source: string, key = mintToken('ok', 'live')) =>
    api.call('GET /v1/tokens', { key, source })

  it('AD-01 is throttled per source, and a source that works is not locked out', async () => {
    expect((await guess('192.0.2.1', api.keys.auditor)).status).toBe(200)
    const answers = []
    for (let count = 0; count < 60; count++) answers.push(await guess('192.0.2.1'))
    expect(answers.slice(0, 50).every(({ status }) => status === 401)).toBe(true)
    expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(answers.at(-1)?.headers.get('retry-after')).toBe('1')
    expect((await guess('192.0.2.1', api.keys.auditor)).status).toBe(200)
    expect((await guess('192.0.2.2')).status).toBe(401)
    api.clock.now += 2000
    expect((await guess('192.0.2.1')).status).toBe(401)
  })

  it('AD-01 without a key is not guessing', async () => {
    for (let count = 0; count < 60; count++)
      expect((await api.call('GET /v1/tokens', { key: '' })).status).toBe(401)
  })
})

describe('roles', () => {
  /** Who gets past the role check; anything but 403 is past it. */
  const EXPECTED: Readonly<Record<string, readonly string[]>> = {
    'POST /v1/tokens': ['admin', 'issuer'],
    'POST /v1/tokens/revoke': ['admin', 'issuer'],
    'GET /v1/tokens': ['admin', 'issuer', 'auditor'],
    'GET /v1/tokens/some-name': ['admin', 'issuer', 'auditor'],
    'GET /openapi.json': ['admin', 'issuer', 'auditor'],
    'GET /v1/audit/checkpoint': ['admin', 'issuer', 'auditor'],
    'GET /v1/audit/consistency': ['admin', 'issuer', 'auditor'],
    'GET /v1/services': ['admin', 'issuer', 'auditor'],
    'GET /v1/services/some-name': ['admin', 'issuer', 'auditor'],
  }

  it.each(CLOSED)('AD-01 %s lets in only its roles', async (route) => {
    const isRead = route.startsWith('GET ')
    const expected = EXPECTED[route] ?? (isRead ? ['admin', 'auditor'] : ['admin'])
    const allowed = []
    for (const [role, key] of Object.entries(api.keys))
      if ((await api.call(route, { key })).status !== 403) allowed.push(role)
    expect(allowed).toEqual(expected)
  })

  it('AD-01 an attempt beyond a role is recorded', async () => {
    const body = { name: 'eve', role: 'admin' }
    const answer = await api.call('POST /v1/operators', { body, key: api.keys.issuer })
    expect(answer).toMatchObject({ status: 403, body: { code: 'role_insufficient' } })
    expect(api.audit.changes).toEqual([
      expect.objectContaining({
        operator: 'ivan',
        action: 'role.exceeded',
        target: 'POST /v1/operators',
        result: 'refused',
      }),
    ])
  })
})

describe('browsers', () => {
  it.each(['evil.example', 'localhost.evil.example:8901', '10.0.0.1'])(
    'AD-01 a request for Host %s is rebinding, even to a public path',
    async (host) => {
      for (const route of ['GET /v1/tokens', 'GET /-/live'])
        expect(await api.call(route, { headers: { host } })).toMatchObject({
          status: 421,
          body: { code: 'host_forbidden' },
        })
    },
  )

  it.each(['http://evil.example', 'null', 'http://localhost:3000'])(
    'AD-01 a page of %s may not call',
    async (origin) => {
      const answer = await api.call('GET /v1/tokens', { headers: { origin } })
      expect(answer).toMatchObject({ status: 403, body: { code: 'origin_forbidden' } })
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  it('AD-01 a form or a text body, which need no preflight, are refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const headers = { 'content-type': type }
      const answer = await api.call('POST /v1/tokens/revoke', { body: { id: 'x' }, headers })
      expect(answer.status).toBe(415)
    }
  })

  it('answers are for no cache, no frame and no sniffing', async () => {
    for (const key of ['', api.keys.admin]) {
      const { headers, body } = await api.call('GET /v1/tokens/tok_00000000000000000000', { key })
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'apistronghold-request-id': body.requestId,
      })
    }
  })
})

describe('input', () => {
  const TOKEN = { agent: 'a', scopes: 'stripe:read' }

  it.each([
    '{"agent":"a","scopes":"stripe:read","__proto__":{"admin":true}}',
    '{"agent":"a","scopes":"stripe:read","constructor":{"prototype":{"admin":true}}}',
    '{"agent":"a","scopes":"stripe:read","issuedBy":"alice"}',
    '{"agent":"a","scopes":"stripe:read","expiresAt":99999999999999}',
    '{"agent":"a","scopes":{"__proto__":["stripe:read"]}}',
    '{"agent":"a","scopes":"stripe:read","maxRequests":1e309}',
    '{"agent":["a"],"scopes":"stripe:read"}',
    '[]',
  ])('AD-03 refuses %s', async (text) => {
    const response = await api.app.request(
      'http://localhost/v1/tokens',
      {
        method: 'POST',
        body: text,
        headers: {
          host: 'localhost',
          authorization: `Bearer ${api.keys.admin}`,
          'content-type': 'application/json',
          'content-length': String(text.length),
        },
      },
      { source: '127.0.0.1' },
    )
    expect(response.status).toBe(400)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    expect(await api.stores.agents.list()).toEqual([])
  })

  it('AD-03 refuses a body above the limit before it reads it', async () => {
    const headers = { 'content-length': String(1024 * 1024) }
    const answer = await api.call('POST /v1/tokens', { body: TOKEN, headers })
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  })

  it.each([
    "agent=' OR 1=1--",
    'agent=%25',
    'agent=a&agent=b',
    'service=stripe_',
    'limit=-1',
    'limit=0',
    'limit=1001',
    'limit=1e3',
    'limit=10;DROP TABLE grants',
    'sort=id;DROP',
    'all=1',
    'cursor=',
    'cursor=MTA',
    'cursor=../../x',
    '__proto__=1',
    'agent[$ne]=a',
  ])('AD-04 GET /v1/tokens?%s is 400', async (query) => {
    expect((await api.call(`GET /v1/tokens?${query.replaceAll(' ', '%20')}`)).status).toBe(400)
  })

  it.each(['decision=maybe', 'since=yesterday', 'since=-1', 'until=1e9', "agent='--"])(
    'AD-04 GET /v1/audit?%s is 400 and reads nothing',
    async (query) => {
      expect((await api.call(`GET /v1/audit?${query}`)).status).toBe(400)
      expect(api.audit.changes).toEqual([])
    },
  )

  it('AD-04 a cursor of another filter or another list is 400', async () => {
    for (let count = 0; count < 3; count++) await api.issue()
    const { body } = await api.call('GET /v1/tokens?limit=1')
    const cursor = body.nextCursor ?? ''
    expect((await api.call(`GET /v1/tokens?limit=1&cursor=${cursor}`)).status).toBe(200)
    for (const path of ['/v1/tokens?all=true&', '/v1/tokens?service=stripe&', '/v1/audit?'])
      expect(await api.call(`GET ${path}cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'cursor_invalid' },
      })
  })
})

describe('the audit', () => {
  it('AU-09 records who read it and what was asked, before it answers', async () => {
    const query = 'agent=a&service=stripe&decision=deny&since=1&until=2&limit=5'
    const answer = await api.call(`GET /v1/audit?${query}`, { key: api.keys.auditor })
    expect(answer.status).toBe(200)
    expect(api.audit.changes).toEqual([
      expect.objectContaining({
        operator: 'olga',
        action: 'audit.query',
        result: 'done',
        details: {
          agent: 'a',
          service: 'stripe',
          decision: 'deny',
          since: 1,
          until: 2,
          limit: 5,
          continued: false,
        },
      }),
    ])
  })

  it('AU-09 is not shown when the reading cannot be recorded', async () => {
    api.audit.fail()
    const answer = await api.call('GET /v1/audit', { key: api.keys.auditor })
    expect(answer).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
  })
})

describe('failures', () => {
  it('CE-12 show neither message nor cause, and the log keeps no token', async () => {
    const lines: (string | LogFields | undefined)[] = []
    const note = (event: string, fields?: LogFields) => void lines.push(event, fields)
    const { token } = await api.issue()
    const app = createApi({
      ...api.parts,
      log: { debug: note, info: note, warn: note, error: note },
      isCredentialConfigured: async () => {
        throw new Error(`could not look for ${token}`, { cause: token })
      },
    })
    const body = JSON.stringify({ agent: 'a', scopes: 'stripe:read' })
    const response = await app.request(
      'http://localhost/v1/tokens',
      {
        method: 'POST',
        body,
        headers: {
          host: 'localhost',
          authorization: `Bearer ${api.keys.admin}`,
          'content-type': 'application/json',
          'content-length': String(body.length),
        },
      },
      { source: '127.0.0.1' },
    )
    expect(response.status).toBe(500)
    const said = (await response.text()) + JSON.stringify(lines)
    expect(said).toContain('internal_failure')
    expect(findSecret(said, token)).toEqual([])
    expect(findSecret(said, api.keys.admin)).toEqual([])
  })

  it('a database that is away is 503', async () => {
    const broken = await createTestApi({}, (stores) => ({
      ...stores,
      agents: {
        ...stores.agents,
        list: () => Promise.reject(new Failure('database_unavailable', 'the database is away')),
      },
    }))
    const answer = await broken.call('GET /v1/agents')
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
  })
})

describe('the documentation', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')

  it('names every route', async () => {
    const { body } = await api.call('GET /openapi.json')
    const paths = (body as unknown as { paths: Record<string, object> }).paths
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(documented).toHaveLength(CLOSED.length - 1)
    for (const route of documented) expect(page).toContain(`\`${route}\``)
  })
})
