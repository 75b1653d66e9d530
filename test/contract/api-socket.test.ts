import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError, createClient, everyItem } from '../../sdk/src/client.ts'
import { startApi, type ApiListener, type RunningApi } from '../../src/api/server.ts'
import { Failure } from '../../src/base/errors.ts'
import { createTestApi, type TestApi } from '../support/api.ts'
import { createAuthority } from '../support/pki.ts'
import { exchangeRaw } from '../support/raw-http.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const AGENT = 'order-processing-agent'
const running: RunningApi[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close(0)))
})

async function listen(api: TestApi, more: Partial<ApiListener> = {}): Promise<RunningApi> {
  const started = await startApi({ app: api.app, listen: { host: '127.0.0.1', port: 0 }, ...more })
  running.push(started)
  return started
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe.each(STORE_KINDS)('the client and the control plane over stores %s', (_kind, open) => {
  const start = async () => {
    const api = await createTestApi({}, open)
    const { address } = await listen(api)
    const url = `http://127.0.0.1:${address.port}`
    return { api, url, client: createClient({ url, key: api.keys.admin }) }
  }

  it('take a token from its issue to its end', async () => {
    const { api, client } = await start()
    const issued = await client.tokens.issue({ agent: AGENT, scopes: 'stripe:read', ttl: '4h' })
    expect(issued.token).toMatch(/^pt_live_/)
    const shown = await client.tokens.find(issued.id)
    expect(shown).toMatchObject({ id: issued.id, agent: AGENT, status: 'live' })
    expect((await client.tokens.list({ agent: AGENT })).items).toEqual([shown])
    const revoked = await client.tokens.revoke({ token: issued.token })
    expect(revoked).toMatchObject({ revoked: 1, replicas: { confirmed: 1, total: 1 }, cut: 0 })
    expect((await client.tokens.find(issued.id)).status).toBe('revoked')
    expect((await client.tokens.list()).items).toEqual([])
    expect((await client.replicas.list()).items[0]?.sequence).toBe(revoked.sequence)
    const { items } = await client.audit.query()
    expect(items.map(({ action }) => action)).toEqual([
      'token.issue',
      'token.revoke',
      'audit.query',
    ])
    expect(JSON.stringify([items, api.audit.records()])).not.toContain(issued.token)
  })

  it('list many tokens page by page', async () => {
    const { api, client } = await start()
    const issued: string[] = []
    for (let count = 0; count < 5; count++) {
      api.clock.now += 1000
      issued.unshift((await client.tokens.issue({ agent: AGENT, scopes: 'stripe:read' })).id)
    }
    const seen: string[] = []
    for await (const token of everyItem(client.tokens.list, { limit: 2 })) seen.push(token.id)
    expect(seen).toEqual(issued)
  })

  it('repeat an issue under one key without a second token', async () => {
    const { client } = await start()
    const request = { agent: AGENT, scopes: ['stripe:read'], idempotencyKey: 'deploy-17' }
    const [first, second] = [await client.tokens.issue(request), await client.tokens.issue(request)]
    expect(second).toEqual(first)
    expect((await client.tokens.list()).items).toHaveLength(1)
  })

  it('disable, enable and own agents', async () => {
    const { client } = await start()
    await client.tokens.issue({ agent: AGENT, scopes: 'stripe:read', owner: 'Payments' })
    expect((await client.agents.disable(AGENT)).revocation?.revoked).toBe(1)
    const refused = await failureOf(client.tokens.issue({ agent: AGENT, scopes: 'stripe:read' }))
    expect(refused).toMatchObject({ name: 'ApiError', status: 409, code: 'agent_disabled' })
    expect((await client.agents.enable(AGENT)).disabled).toBe(false)
    expect((await client.agents.setOwner(AGENT, 'Risk')).owner).toBe('Risk')
    await client.tokens.issue({ agent: AGENT, scopes: 'stripe:read' })
    expect((await client.tokens.list({ all: true })).items).toHaveLength(2)
    expect((await client.agents.list()).items).toEqual([await client.agents.find(AGENT)])
  })

  it('add and remove operators', async () => {
    const { client, url } = await start()
    const { key } = await client.operators.add({ name: 'bob', role: 'auditor' })
    const bob = createClient({ url, key })
    const names = (await bob.operators.list()).items.map(({ name }) => name)
    expect(names).toEqual(['alice', 'bob', 'ivan', 'olga'])
    const beyond = await failureOf(bob.tokens.issue({ agent: AGENT, scopes: 'stripe:read' }))
    expect(beyond).toMatchObject({ status: 403, code: 'role_insufficient' })
    await client.operators.remove('bob')
    expect(await failureOf(bob.services.list())).toMatchObject({ status: 401 })
    expect(await failureOf(client.operators.remove('bob'))).toMatchObject({ status: 404 })
  })

  it('say what is wrong in words', async () => {
    const { client } = await start()
    const error = await failureOf(client.tokens.issue({ agent: AGENT, scopes: 'stripe:raed' }))
    expect(error).toBeInstanceOf(ApiError)
    expect((error as ApiError).detail).toContain('Did you mean stripe:read?')
    expect((error as ApiError).requestId).toMatch(/^req_[0-9a-f]{32}$/)
  })

  it('tell health without a key', async () => {
    const { url } = await start()
    const client = createClient({ url })
    expect(await client.live()).toMatchObject({ name: 'apistronghold', pid: 4711 })
    expect(await client.ready()).toEqual({ ready: true, checks: { database: true, audit: true } })
    expect(await failureOf(client.services.list())).toMatchObject({ status: 401 })
  })
})

describe('the listener', () => {
  const raw = async (lines: readonly string[], body = '') => {
    const api = await createTestApi()
    const { address } = await listen(api)
    const authorization = `Authorization: Bearer ${api.keys.admin}`
    const text = lines.join('\r\n').replaceAll('AUTH', authorization)
    return await exchangeRaw(address.port, `${text}\r\n\r\n${body}`)
  }

  it.each([
    ['two keys', ['GET /v1/tokens HTTP/1.1', 'Host: localhost', 'AUTH', 'AUTH']],
    ['two hosts', ['GET /v1/tokens HTTP/1.1', 'Host: localhost', 'Host: evil.example', 'AUTH']],
    ['no host', ['GET /v1/tokens HTTP/1.1', 'AUTH']],
    ['an absolute target', ['GET http://localhost/v1/tokens HTTP/1.1', 'Host: localhost', 'AUTH']],
    ['an authority target', ['GET //localhost/v1/tokens HTTP/1.1', 'Host: localhost', 'AUTH']],
    [
      'two framings',
      [
        'POST /v1/tokens HTTP/1.1',
        'Host: localhost',
        'AUTH',
        'Content-Length: 2',
        'Transfer-Encoding: chunked',
      ],
    ],
    ['a folded header', ['GET /v1/tokens HTTP/1.1', 'Host: localhost', 'X-A: b', ' c', 'AUTH']],
    ['no HTTP', ['hello']],
  ])('answers %s with 400', async (_what, lines) => {
    expect((await raw(lines)).status).toBe(400)
  })

  it('answers what its parser refuses as a problem', async () => {
    const { status, headers, body } = await raw(['hello'])
    expect([status, headers.get('content-type')]).toEqual([400, 'application/problem+json'])
    expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'invalid_request' })
  })

  it('refuses a body without a length, and headers without end', async () => {
    const head = [
      'POST /v1/tokens HTTP/1.1',
      'Host: localhost',
      'AUTH',
      'Content-Type: application/json',
    ]
    const chunked = await raw([...head, 'Transfer-Encoding: chunked'], '2\r\n{}\r\n0\r\n\r\n')
    expect(chunked.status).toBe(411)
    const long = await raw(['GET / HTTP/1.1', 'Host: localhost', `X-Long: ${'x'.repeat(40_000)}`])
    expect(long.status).toBe(431)
  })

  it.each(['/v1/../v1/tokens', '/v1/%2e%2e/-/live', '/-/live/../../v1/tokens', '/-/live%2f..%2fx'])(
    'AD-01 lets nothing without a key pass as %s',
    async (path) => {
      const { status } = await raw([`GET ${path} HTTP/1.1`, 'Host: localhost'])
      expect([400, 401]).toContain(status)
    },
  )

  it('takes the source from the socket and not from a header', async () => {
    const api = await createTestApi()
    const { address } = await listen(api)
    const lines = ['GET /v1/tokens HTTP/1.1', 'Host: localhost', 'X-Forwarded-For: 192.0.2.1']
    await exchangeRaw(address.port, `${lines.join('\r\n')}\r\n\r\n`)
    expect(api.audit.counted.map(({ source }) => source)).toEqual(['127.0.0.1'])
  })

  it('says that a port is taken', async () => {
    const api = await createTestApi()
    const { address } = await listen(api)
    const second = await failureOf(startApi({ app: api.app, listen: address }))
    expect(second).toBeInstanceOf(Failure)
    expect(second).toMatchObject({ code: 'listen_failed' })
    expect((second as Failure).message).toBe(`127.0.0.1:${address.port} is taken`)
  })

  it('speaks TLS when it has a certificate', async () => {
    const api = await createTestApi()
    const authority = createAuthority()
    const { address } = await listen(api, { tls: authority.issue({ names: ['127.0.0.1'] }) })
    const url = `https://127.0.0.1:${address.port}`
    const client = createClient({ url, key: api.keys.admin, ca: authority.certificate })
    expect((await client.services.list()).items).toHaveLength(4)
  })

  it('speaks nothing but HTTP/1.1, and nothing below TLS 1.2', async () => {
    const authority = createAuthority()
    const { address } = await listen(await createTestApi(), {
      tls: authority.issue({ names: ['localhost'] }),
    })
    const to = { port: address.port, servername: 'localhost', ca: authority.certificate }
    const secure = connectTls({ ...to, ALPNProtocols: ['h2', 'http/1.1'] })
    await once(secure, 'secureConnect')
    expect(secure.alpnProtocol).toBe('http/1.1')
    secure.destroy()
    const old = connectTls({
      ...{ ...to, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
      ciphers: 'ALL:@SECLEVEL=0',
    })
    const [error] = (await once(old, 'error')) as [Error]
    expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
    const answer = await exchangeRaw(
      address.port,
      'GET /-/live HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    expect(answer).not.toContain('200')
  })

  it('gives a renewed certificate to new connections, and goes on with those that are open', async () => {
    const api = await createTestApi()
    const [former, fresh] = [createAuthority(), createAuthority()]
    const names = ['127.0.0.1']
    const server = await listen(api, { tls: former.issue({ names }) })
    const to = { host: '127.0.0.1', port: server.address.port }
    const open = connectTls({ ...to, ca: former.certificate })
    await once(open, 'secureConnect')
    server.renewTls(fresh.issue({ names }))
    open.end('GET /-/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(String((await once(open, 'data'))[0])).toContain('HTTP/1.1 200')
    const url = `https://127.0.0.1:${server.address.port}`
    expect(await createClient({ url, ca: fresh.certificate }).live()).toMatchObject({
      status: 'live',
    })
    expect(await failureOf(createClient({ url, ca: former.certificate }).live())).toMatchObject({
      reason: 'network',
    })
  })

  it('lets a request end when it closes, and cuts what is left after the grace', async () => {
    const started = Promise.withResolvers<undefined>()
    const released = Promise.withResolvers<undefined>()
    const readiness = async () => {
      started.resolve(undefined)
      await released.promise
      return { database: true }
    }
    const api = await createTestApi({ readiness })
    const server = await startApi({ app: api.app, listen: { host: '127.0.0.1', port: 0 } })
    const stuck = connect(server.address.port, '127.0.0.1')
    stuck.on('error', () => undefined)
    stuck.write('GET /-/live HTTP/1.1\r\nHost: loc')
    const answer = createClient({ url: `http://127.0.0.1:${server.address.port}` }).ready()
    await started.promise
    const closed = server.close(300)
    released.resolve(undefined)
    expect(await answer).toMatchObject({ ready: true })
    await closed
    if (!stuck.closed) await once(stuck, 'close')
    expect(
      await failureOf(createClient({ url: `http://127.0.0.1:${server.address.port}` }).live()),
    ).toMatchObject({ reason: 'network' })
  })
})
