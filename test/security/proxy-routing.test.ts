/** Doors of the running data plane: how a service is named, who may name it, how a refusal looks. */

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createChannel } from '../support/channel.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { createAuthority, LOOPBACK_NAMES } from '../support/pki.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

const SERVICES = ['stripe', 'openai', 'slack', 'github', 'github-git', 'linear', 'google-gmail']

let plane: TestPlane
let narrow: string
let wide: string

beforeAll(async () => {
  plane = await startPlane({
    services: SERVICES,
    listeners: [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0, service: 'openai' },
    ],
  })
  for (const id of SERVICES) plane.credentials.set(id, { secret: 'real', access_token: 'real' })
  narrow = plane.issue({ scope: 'stripe:read' })
  wide = plane.issue({ scope: SERVICES.map((id) => `${id}:read`).join(',') })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
})

const send = (token: string, target: string, { host = 'localhost', port = plane.port } = {}) =>
  exchangeRaw(
    port,
    requestText(`GET ${target}`, [`Host: ${host}`, `Authorization: Bearer ${token}`]),
  )

const judged = () => plane.audit.intents.map(({ access }) => `${access.host}${access.path}`)

describe('a service', () => {
  it.each([
    ['by its segment', '/openai/v1/models', 'localhost', 'api.openai.com/v1/models'],
    ['by its Host', '/v1/models', 'openai.proxy.example', 'api.openai.com/v1/models'],
    ['by its Host and port', '/v1/models', 'openai.proxy.example:8900', 'api.openai.com/v1/models'],
    ['by the host of its API', '/v1/models', 'api.openai.com', 'api.openai.com/v1/models'],
    ['by Host before segment', '/stripe/v1/models', 'openai.proxy.example', undefined],
    [
      'with a host of its own',
      '/stripe/~files.stripe.com/v1/files/f_1/contents',
      'localhost',
      'files.stripe.com/v1/files/f_1/contents',
    ],
    [
      'with the host that alone serves the path',
      '/stripe/v1/files/f_1/contents',
      'localhost',
      'files.stripe.com/v1/files/f_1/contents',
    ],
  ])('is found %s', async (_case, target, ...[host, expected]) => {
    await send(wide, target, { host })
    expect(judged()).toEqual(expected === undefined ? [] : [expected])
  })

  it('is the only one of the token without any name', async () => {
    expect(await send(narrow, '/v1/customers')).toMatchObject({ status: 200 })
    expect(await send(narrow, '/v1/customers', { host: 'openai.proxy.example' })).toMatchObject({
      status: 200,
    })
    expect(judged()).toEqual(['api.stripe.com/v1/customers', 'api.stripe.com/v1/customers'])
  })

  it.each<[string, () => string, string, object, string]>([
    ['nowhere', () => wide, '/nowhere/x', {}, '404 unknown_service'],
    ['nothing at all', () => wide, '/', {}, '404 unknown_service'],
    ['what is not granted', () => narrow, '/openai/v1/models', {}, '403 service_not_granted'],
    ['not granted by Host', () => narrow, '/x', { host: 'openai.a' }, '403 service_not_granted'],
    ['a host of nobody', () => wide, '/stripe/~evil.example/v1', {}, '403 unknown_host'],
    ['a host of another', () => wide, '/stripe/~api.openai.com/v1', {}, '403 unknown_host'],
    ['its own host by another', () => narrow, '/~api.github.com/x', {}, '403 unknown_host'],
  ])('CE-07 that is %s is refused', async (_case, token, ...[target, settings, expected]) => {
    const answer = await send(token(), target, settings)
    const { status, error } = JSON.parse(answer.body) as { status: number; error: { code: string } }
    expect(`${status} ${error.code}`).toBe(expected)
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.refusals).toHaveLength(1)
  })

  it('has a port of its own, for tokens that hold it', async () => {
    const port = plane.ports[1]!
    expect(await send(wide, '/v1/models', { port, host: 'stripe.a' })).toMatchObject({
      status: 200,
    })
    expect(judged()).toEqual(['api.openai.com/v1/models'])
    const refused = await send(narrow, '/v1/customers', { port })
    expect(refused).toMatchObject({ status: 403 })
    expect(refused.body).toContain('service_not_granted')
  })

  it('that needs what is not built says so', async () => {
    const token = plane.issue({ scope: 'linear:read' })
    const answer = await send(token, '/aws/')
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'service_unsupported' } }])
  })
})

describe('every route', () => {
  const routes = [
    '/',
    '/v1/customers',
    '/stripe/v1/customers',
    '/-/live/',
    '/-/live/x',
    '/-/live?x',
    '/-/ready%2f',
    '/-/metrics',
    '/-/',
    '//-/live',
    '/~api.stripe.com/v1/customers',
    '/proxy/stripe/v1/customers',
    '/v1/../-/live',
    '/.well-known/jwks.json',
    '/openapi.json',
  ]

  it.each(routes.flatMap((route) => [0, 1].map((port) => [route, port] as const)))(
    'SC-16 %s on listener %i asks for a token first',
    async (route, index) => {
      for (const method of ['GET', 'POST', 'HEAD', 'DELETE']) {
        const text = requestText(`${method} ${route}`, ['Host: stripe.proxy.example'])
        const { status } = await exchangeRaw(plane.ports[index]!, text)
        expect([400, 401], `${method} ${route}`).toContain(status)
      }
      expect(plane.upstream.requests).toEqual([])
    },
  )

  it('but health, exactly spelled, answers anybody and tells nothing', async () => {
    for (const [path, body] of [
      ['/-/live', '{"status":"live"}'],
      ['/-/ready', '{"status":"ready"}'],
    ]) {
      const answer = await exchangeRaw(plane.port, requestText(`GET ${path!}`, ['Host: a']))
      expect(answer).toMatchObject({ status: 200, body })
    }
  })
})

const anyText = expect.any(String) as unknown

describe('a refusal', () => {
  const answerOf = async (target: string, token = 'x', ...headers: readonly string[]) => {
    const lines = ['Host: localhost', `Authorization: Bearer ${token}`, ...headers]
    const answer = await exchangeRaw(plane.port, requestText(`POST ${target}`, lines))
    return { ...answer, type: answer.headers.get('content-type') }
  }

  it('says the same to readers of problems and to SDKs', async () => {
    const answer = await answerOf('/stripe/v1/refunds', narrow)
    const id = answer.headers.get('apistronghold-request-id')!
    const detail = `order-processing-agent may not POST /v1/refunds: needs stripe:refund (money). Request ${id}.`
    expect(answer).toMatchObject({ status: 403, type: 'application/json' })
    expect(JSON.parse(answer.body)).toEqual({
      type: 'urn:problem-type:apistronghold:insufficient_scope',
      title: 'Insufficient scope',
      status: 403,
      detail,
      instance: id,
      error: { type: 'permission_error', code: 'insufficient_scope', message: detail },
      message: detail,
    })
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer realm="apistronghold", error="insufficient_scope", scope="stripe:refund"',
    )
    expect(answer.headers.get('proxy-status')).toBe(
      'apistronghold; error=http_request_denied; details="insufficient_scope"',
    )
  })

  it('is a problem document where no service is named', async () => {
    expect(await answerOf('/nowhere')).toMatchObject({
      status: 401,
      type: 'application/problem+json',
    })
  })

  it('is what Slack understands: 200 and not ok, so that its client gives up', async () => {
    const answer = await answerOf('/slack/api/chat.postMessage', wide)
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({
      ok: false,
      error: 'insufficient_scope',
      needed: 'slack:write',
    })
    const unknown = await answerOf('/slack/api/chat.postMessage')
    expect(unknown.status).toBe(200)
    expect(JSON.parse(unknown.body)).toMatchObject({ ok: false, error: 'invalid_token' })
  })

  it('is what Google and GraphQL clients understand', async () => {
    const google = await answerOf('/google-gmail/gmail/v1/users/me/messages/send', wide)
    expect(JSON.parse(google.body)).toMatchObject({
      error: {
        code: 403,
        status: 'PERMISSION_DENIED',
        message: expect.stringContaining('needs') as unknown,
      },
    })
    const graphql = await answerOf('/linear/graphql', wide)
    expect(JSON.parse(graphql.body)).toMatchObject({
      errors: [{ message: anyText, extensions: { code: anyText } }],
    })
  })

  it('is a challenge and plain text for git', async () => {
    const target = '/github-git/a/b.git/info/refs?service=git-upload-pack'
    const answer = await exchangeRaw(
      plane.port,
      requestText(`GET ${target}`, ['Host: a', 'User-Agent: git/2.39.5']),
    )
    expect(answer).toMatchObject({ status: 401 })
    expect(answer.headers.get('www-authenticate')).toContain('Basic realm="apistronghold"')
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const push = await answerOf('/github-git/a/b.git/git-receive-pack', wide, 'User-Agent: git/2')
    expect(push).toMatchObject({ status: 403 })
    expect(push.body).toContain('github-git:code')
  })

  it('to HEAD has no body', async () => {
    const text = requestText('HEAD /stripe/v1/customers', ['Host: a'])
    expect(await exchangeRaw(plane.port, text)).toMatchObject({ status: 401, body: '' })
  })
})

describe('listeners', () => {
  it('speak TLS where they have a certificate, and rewrite to it', async () => {
    const authority = createAuthority()
    const tls = authority.issue({ names: LOOPBACK_NAMES })
    const secure = await startPlane({ listeners: [{ host: '127.0.0.1', port: 0, tls }] })
    secure.upstream.respond(() => ({ headers: { location: 'https://api.stripe.com/v1/x' } }))
    const { Agent, request } = await import('undici')
    const dispatcher = new Agent({ connect: { ca: authority.certificate } })
    const url = `https://127.0.0.1:${secure.port}`
    const answer = await request(`${url}/stripe/v1/customers`, {
      dispatcher,
      headers: { authorization: `Bearer ${secure.issue()}` },
    })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['location']).toBe(`${url}/stripe/v1/x`)
    await answer.body.dump()
    await dispatcher.close()
    await secure.stop()
  })

  it('name the address that is taken, and open nothing', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    const listeners = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port },
    ]
    await expect(startPlane({ listeners })).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringContaining(`127.0.0.1:${port} is in use`) as unknown,
    })
    taken.close()
  })

  it('stop: what is under way ends, the rest is cut and recorded', async () => {
    const ending = await startPlane()
    const token = ending.issue()
    const [short, long] = [createChannel(), createChannel()]
    const queue = [short, long]
    ending.upstream.respond(() => ({ chunks: queue.shift() ?? createChannel() }))
    const text = requestText('GET /v1/customers', ['Host: a', `Authorization: Bearer ${token}`])
    const connections = []
    for (const events of [short, long]) {
      const connection = openRaw(ending.port, text)
      events.push('first')
      await connection.until('first')
      connections.push(connection)
    }
    const closing = ending.plane.close(300)
    expect(ending.plane.readiness()).toEqual({ isReady: false, problems: ['stopping'] })
    short.end()
    await connections[0]!.until('0\r\n\r\n')
    expect(await closing).toEqual({ finished: 1, cut: 1 })
    await connections[1]!.closed
    expect(ending.audit.outcomes).toMatchObject([
      { result: 'answered' },
      { result: 'cut', cause: 'shutdown' },
    ])
    await expect(exchangeRaw(ending.port, text)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await ending.stop()
  })
})
