/** Admission at the running data plane: what must be true before a credential leaves, and until when. */

import { generateKeyPairSync, hash, randomUUID, sign } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createChannel } from '../support/channel.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane

beforeAll(async () => {
  plane = await startPlane({ services: ['stripe', 'openai'] })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.upstream.forget()
  plane.upstream.respond(() => ({ body: { ok: true } }))
  plane.credentials.set('stripe', { secret: REAL_KEY })
  const { audit } = plane
  for (const events of [audit.intents, audit.outcomes, audit.refusals, audit.counts]) {
    events.length = 0
  }
  audit.isFull = false
  audit.onIntent = () => undefined
})

const request = (token: string, line = 'GET /v1/customers', ...headers: readonly string[]) =>
  requestText(line, ['Host: localhost', `Authorization: Bearer ${token}`, ...headers])

const send = (token: string, line?: string, ...headers: readonly string[]) =>
  exchangeRaw(plane.port, request(token, line, ...headers))

const codeOf = (body: string) => (JSON.parse(body) as { error: { code: string } }).error.code

const untilTrue = async (isTrue: () => boolean) => {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

describe('the record', () => {
  it('AU-01 is durable before the credential leaves', async () => {
    const reached: number[] = []
    plane.audit.onIntent = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      reached.push(plane.upstream.requests.length)
    }
    expect(await send(plane.issue())).toMatchObject({ status: 200 })
    expect(reached).toEqual([0])
    expect(plane.upstream.requests).toHaveLength(1)
  })

  it('is one intent and one outcome for each admitted request', async () => {
    const token = plane.issue()
    await Promise.all(Array.from({ length: 20 }, () => send(token)))
    await untilTrue(() => plane.audit.outcomes.length === 20)
    const ids = (events: readonly object[]) =>
      events.map((event) => ('requestId' in event ? event.requestId : undefined))
    expect(new Set(ids(plane.audit.outcomes))).toEqual(
      new Set(plane.audit.intents.map(({ access }) => access.requestId)),
    )
    expect(new Set(ids(plane.audit.outcomes)).size).toBe(20)
    expect(plane.audit.intents[0]).toMatchObject({
      grant: { agent: 'order-processing-agent' },
      access: { rule: 'GET /v1/**', scopes: ['stripe:read'], credential: 'stripe' },
      credential: { name: 'stripe', version: '1' },
    })
    expect(plane.audit.outcomes[0]?.durationsMs.admitted).toBeGreaterThanOrEqual(0)
  })

  it.each([
    ['POST /v1/refunds', 'scope_missing'],
    ['POST /v1/unheard_of', 'operation_unknown'],
    ['GET /v1/../x', 'target_not_canonical'],
    ['GET /v1/customers?key=1', 'guard_denied'],
  ])('AU-07 of the refused %s is exactly one, with its reason', async (line, reason) => {
    const token = plane.issue()
    const { status, headers } = await send(token, line)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason }, grant: { scopes: {} } }])
    expect(plane.audit.refusals[0]?.requestId).toBe(headers.get('apistronghold-request-id'))
    expect([plane.audit.counts, plane.audit.intents, plane.audit.outcomes]).toEqual([[], [], []])
  })

  it('AU-02 that cannot be written lets nothing out, and health says so', async () => {
    const token = plane.issue()
    plane.audit.isFull = true
    const answer = await send(token)
    expect(answer).toMatchObject({ status: 503 })
    expect(codeOf(answer.body)).toBe('audit_unavailable')
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(await send(token, 'POST /v1/refunds')).toMatchObject({ status: 403 })
    expect(plane.upstream.requests).toEqual([])
    expect(await health('/-/ready')).toMatchObject({ status: 503 })
    expect(await health('/-/live')).toMatchObject({ status: 200 })
    plane.audit.isFull = false
    expect(await send(token)).toMatchObject({ status: 200 })
    expect(await health('/-/ready')).toMatchObject({ status: 200 })
  })

  it('never holds a token, the key, or what was in the query', async () => {
    const token = plane.issue()
    await send(token, 'GET /v1/customers?email=person%40example.com&limit=3')
    const text = JSON.stringify([plane.audit, plane.log])
    expect(text).not.toContain(token)
    expect(text).not.toContain(REAL_KEY)
    expect(text).not.toContain('person')
    expect(plane.audit.intents[0]?.parameters).toMatchObject({ query: { limit: '3' } })
  })
})

const health = (path: string) =>
  exchangeRaw(plane.port, requestText(`GET ${path}`, ['Host: localhost']))

describe('revocation', () => {
  it('DL-07 cuts what is in flight, both sides, at once', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({ chunks: events }))
    const token = plane.issue()
    const streaming = openRaw(plane.port, request(token))
    events.push('data: 1\n\n')
    await streaming.until('data: 1')
    expect(plane.revoke(token)).toBe(1)
    expect(plane.audit.outcomes).toMatchObject([
      { result: 'cut', cause: 'terminated_by_revoke', status: 200, responseBytes: 9 },
    ])
    await streaming.closed
    expect(streaming.text).not.toContain('0\r\n\r\n')
    expect(await send(token)).toMatchObject({ status: 401 })
    expect(plane.audit.outcomes).toHaveLength(1)
  })

  it('DL-07 answers a request that had no answer yet', async () => {
    plane.upstream.respond(() => 'stall')
    const token = plane.issue()
    const waiting = openRaw(plane.port, request(token))
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    plane.revoke(token)
    await waiting.until('"code":"invalid_token"')
    waiting.socket.destroy()
  })

  it('while the record is being written keeps the request from leaving', async () => {
    const token = plane.issue()
    plane.audit.onIntent = () => void plane.revoke(token)
    expect(await send(token)).toMatchObject({ status: 401 })
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.outcomes).toMatchObject([{ result: 'cut', cause: 'terminated_by_revoke' }])
    expect(plane.audit.refusals).toEqual([])
  })

  it('is not outrun by a slow disk when the token expires meanwhile', async () => {
    const start = plane.clock.now
    const token = plane.issue({ expiresAt: start + 1000 })
    plane.audit.onIntent = () => void (plane.clock.now = start + 1000)
    expect(await send(token)).toMatchObject({ status: 401 })
    plane.clock.now = start
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.outcomes).toMatchObject([{ result: 'cut', cause: 'token_expired' }])
  })

  it('reaches a request that still waits for its connection', async () => {
    let open: () => void = () => undefined
    const slow = await startPlane({
      dial: () =>
        new Promise(
          (_resolve, reject) =>
            (open = () => {
              reject(new Error('late'))
            }),
        ),
    })
    const token = slow.issue()
    const waiting = openRaw(slow.port, request(token))
    await untilTrue(() => slow.audit.intents.length === 1)
    expect(slow.revoke(token)).toBe(1)
    await waiting.until('401 Unauthorized')
    open()
    expect(slow.audit.outcomes).toMatchObject([{ result: 'cut' }])
    waiting.socket.destroy()
    await slow.stop()
  })
})

describe('a token that is known', () => {
  it('costs no call to the database any more', async () => {
    const token = plane.issue()
    await send(token)
    const before = plane.storeCalls.length
    for (let count = 0; count < 5; count += 1) await send(token)
    expect(plane.storeCalls).toHaveLength(before)
  })

  it('may send so many requests, exactly, however many come at once', async () => {
    const token = plane.issue({ limits: { maxRequests: 7 } })
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(token)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(7)
    expect(statuses.filter((status) => status === 429)).toHaveLength(13)
    const refused = answers.find(({ status }) => status === 429)!
    expect(codeOf(refused.body)).toBe('quota_exhausted')
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(plane.upstream.requests).toHaveLength(7)
  })

  it('may send so many a second', async () => {
    const token = plane.issue({ limits: { ratePerSecond: 2 } })
    const statuses = [await send(token), await send(token), await send(token)]
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(statuses[2]?.headers.get('retry-after')).toBe('1')
    plane.clock.now += 1000
    expect(await send(token)).toMatchObject({ status: 200 })
  })

  it.each([
    [{ cidr: ['10.0.0.0/8'] }, 401],
    [{ cidr: ['127.0.0.0/8'] }, 200],
    [{ firstUse: true }, 401],
    [{ dpop: 'A'.repeat(43) }, 401],
  ])('TK-05 bound by %j is answered %i here', async (bindings, status) => {
    expect((await send(plane.issue({ bindings }))).status).toBe(status)
    if (status === 401) {
      expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'binding_mismatch' } }])
    }
  })

  it('TK-05 bound to a key needs a proof of it for this very request, once', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    const token = plane.issue({ bindings: { dpop: thumbprintOf(jwk) } })
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const proof = (claims: object = {}) => {
      const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      const payload = encode({
        jti: randomUUID(),
        htm: 'GET',
        htu: 'http://localhost/v1/customers',
        iat: Math.floor(plane.clock.now / 1000),
        ath: digestOf(token),
        ...claims,
      })
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
      const signature = sign('sha256', Buffer.from(`${header}.${payload}`), key)
      return `DPoP: ${header}.${payload}.${signature.toString('base64url')}`
    }
    const good = proof()
    expect(await send(token, undefined, good)).toMatchObject({ status: 200 })
    expect(plane.upstream.requests[0]?.header('dpop')).toBeUndefined()
    expect(await send(token, undefined, good)).toMatchObject({ status: 401 })
    expect(await send(token, undefined, proof({ htm: 'POST' }))).toMatchObject({ status: 401 })
    expect(await send(token, undefined, proof({ htu: 'http://x/' }))).toMatchObject({ status: 401 })
    expect(await send(token, undefined, proof(), proof())).toMatchObject({ status: 401 })
    expect(await send(token)).toMatchObject({ status: 401 })
    expect(await send(token, undefined, proof())).toMatchObject({ status: 200 })
  })
})

describe('a credential', () => {
  it.each([
    ['credential_not_configured', 424, 'credential_not_configured', []],
    ['origin_not_sealed', 424, 'credential_not_configured', ['origin_not_sealed']],
    ['secret_unavailable', 503, 'secret_unavailable', []],
  ] as const)('that is withheld as %s is told with %i', async (reason, ...expected) => {
    const [status, code, marks] = expected
    plane.credentials.set('stripe', { reason })
    const answer = await send(plane.issue())
    expect(answer).toMatchObject({ status })
    expect(codeOf(answer.body)).toBe(code)
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: code }, marks }])
    expect(plane.upstream.requests).toEqual([])
  })

  it('without the field that the service injects sends nothing', async () => {
    plane.credentials.set('stripe', { other: 'x' })
    expect(await send(plane.issue())).toMatchObject({ status: 424 })
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.outcomes).toMatchObject([{ cause: 'credential_not_placed' }])
  })

  it('is another one where the scope asks for it', async () => {
    plane.credentials.set('openai', { secret: 'sk-proj-Ordinary0123456789abcdef' })
    plane.credentials.set('openai-admin', { secret: 'sk-admin-Other0123456789abcdefgh' })
    const token = plane.issue({ scope: 'openai:read,openai:admin' })
    await send(token, 'GET /v1/models')
    await send(token, 'GET /v1/organization/users')
    expect(plane.upstream.requests.map((each) => each.header('authorization'))).toEqual([
      'Bearer sk-proj-Ordinary0123456789abcdef',
      'Bearer sk-admin-Other0123456789abcdefgh',
    ])
    const [one, other] = plane.upstream.requests
    expect(one?.connection).not.toBe(other?.connection)
  })

  it('CE-14 is never mixed up between services, on any connection', async () => {
    plane.credentials.set('openai', { secret: 'sk-proj-Ordinary0123456789abcdef' })
    const token = plane.issue({ scope: 'stripe:read,openai:read' })
    const lines = Array.from({ length: 60 }, (_, index) =>
      index % 2 === 0 ? 'GET /stripe/v1/customers' : 'GET /openai/v1/models',
    )
    await Promise.all(lines.map((line) => send(token, line)))
    expect(plane.upstream.requests).toHaveLength(60)
    const kinds = new Map<number, Set<string>>()
    for (const received of plane.upstream.requests) {
      const { target, connection } = received
      const isStripe = target === '/v1/customers'
      expect(received.header('authorization')).toBe(
        isStripe ? `Bearer ${REAL_KEY}` : 'Bearer sk-proj-Ordinary0123456789abcdef',
      )
      kinds.set(connection, (kinds.get(connection) ?? new Set()).add(target))
    }
    for (const targets of kinds.values()) expect(targets.size).toBe(1)
  })
})

function digestOf(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** RFC 7638 for an elliptic curve key. */
function thumbprintOf({ crv, kty, x, y }: JsonWebKey): string {
  return digestOf(JSON.stringify({ crv, kty, x, y }))
}
