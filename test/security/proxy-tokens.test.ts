/** Tokens as they arrive at the running data plane: where they stand, how they look, how many. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mintToken } from '../../src/token/token.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({ services: ['stripe', 'openai', 'anthropic', 'github'] })
  token = plane.issue()
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.upstream.forget()
  for (const events of Object.values(plane.audit)) if (Array.isArray(events)) events.length = 0
})

const get = (headers: readonly string[], target = '/stripe/v1/customers') =>
  exchangeRaw(plane.port, requestText(`GET ${target}`, ['Host: localhost', ...headers]))

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

const expectNothingForwarded = () => {
  expect(plane.upstream.requests).toEqual([])
  expect(plane.audit.intents).toEqual([])
}

describe('a token', () => {
  it.each<[string, () => string[]]>([
    ['Bearer', () => [`Authorization: Bearer ${token}`]],
    ['bearer in lower case', () => [`authorization: bearer ${token}`]],
    ['the scheme of octokit', () => [`Authorization: token ${token}`]],
    ['Basic as user name', () => [`Authorization: ${basic(token, '')}`]],
    ['Basic as password', () => [`Authorization: ${basic('x-access-token', token)}`]],
    ['a bare field', () => [`Authorization: ${token}`]],
    ['x-api-key', () => [`X-API-Key: ${token}`]],
    ['its own header', () => [`X-Phantom-Token: ${token}`]],
    ['its own header beside a dummy', () => [`X-Phantom-Token: ${token}`, 'Authorization: x']],
    ['the shape of a Stripe key', () => [`Authorization: Bearer sk_live_${token}`]],
    ['the shape of another service', () => [`X-Api-Key: sk-ant-api03-${token}`]],
    ['two places alike', () => [`Authorization: Bearer ${token}`, `X-Api-Key: ${token}`]],
  ])('is found in %s and replaced', async (_case, headers) => {
    expect(await get(headers())).toMatchObject({ status: 200 })
    const [request] = plane.upstream.requests
    expect(request?.header('authorization')).toBe(`Bearer ${REAL_KEY}`)
    expect(plane.upstream.count(token)).toBe(0)
    expect(plane.upstream.count(REAL_KEY)).toBe(1)
    expect(request?.header('x-phantom-token')).toBeUndefined()
    expect(plane.audit.intents).toHaveLength(1)
  })

  it('TK-10 never leaves in a Referer, a User-Agent, a trace or a cookie', async () => {
    const others = ['Referer: http://x/?t=', 'User-Agent: a ', 'traceparent: ', 'Cookie: a=']
    const carrying = others.map((prefix) => `${prefix}${token}`)
    expect(await get([`Authorization: Bearer ${token}`, ...carrying])).toMatchObject({
      status: 200,
    })
    expect(plane.upstream.count(token)).toBe(0)
    expect(plane.upstream.requests[0]?.header('cookie')).toBe('a=[phantom-token]')
  })

  it.each<[string, () => string[]]>([
    ['two Authorization fields', () => Array(2).fill(`Authorization: Bearer ${token}`) as string[]],
    [
      'two different ones',
      () => [`Authorization: Bearer ${token}`, `X-Api-Key: ${mintToken('pt', 'live')}`],
    ],
    ['a good and a bad one', () => [`Authorization: Bearer ${token}`, 'X-Api-Key: nonsense']],
    [
      'another in its own header',
      () => [`Authorization: Bearer ${token}`, `X-Phantom-Token: ${mintToken('pt', 'live')}`],
    ],
    ['both halves of Basic', () => [`Authorization: ${basic(token, mintToken('pt', 'live'))}`]],
  ])('TK-08 is refused with %s', async (_case, headers) => {
    const answer = await get(headers())
    expect(answer).toMatchObject({ status: 400 })
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'ambiguous_request' } })
    expectNothingForwarded()
  })

  it('TK-08 is refused in the query beside a good one, by name of both places', async () => {
    const answer = await get([
      `Authorization: Bearer ${token}`,
      `X-Api-Key: ${mintToken('pt', 'live')}`,
    ])
    expect(answer.body).toContain('authorization and x-api-key')
    const inUrl = await get([`Authorization: Bearer ${token}`], `/stripe/v1/x?api_key=${token}`)
    expect(inUrl).toMatchObject({ status: 400 })
    expectNothingForwarded()
  })

  it.each<[string, () => string]>([
    ['a tab', () => `Authorization: Bearer\t${token}`],
    ['two spaces', () => `Authorization: Bearer  ${token}`],
    ['junk behind it', () => `Authorization: Bearer ${token} x`],
    ['a comma', () => `Authorization: Bearer ${token},${token}`],
    ['quotes', () => `Authorization: Bearer "${token}"`],
    ['a shouted scheme', () => `Authorization: BEARER ${token}`],
    ['30 kB', () => `Authorization: Bearer pt_live_${'a'.repeat(30_000)}`],
    ['100 kB', () => `Authorization: Bearer pt_live_${'a'.repeat(100_000)}`],
    ['30 kB of a signed token', () => `Authorization: Bearer eyJ${'a'.repeat(30_000)}.b.c`],
    ['a NUL', () => `Authorization: Bearer ${token}\0`],
    ['letters beyond ASCII', () => `Authorization: Bearer ${token}\xe9`],
    ['nothing', () => 'Authorization: Bearer '],
    ['half of Basic', () => 'Authorization: Basic !!!'],
    ['a token that is too short', () => `Authorization: Bearer ${token.slice(0, -1)}`],
    ['a flipped character', () => `Authorization: Bearer ${flipLast(token)}`],
  ])('TK-09 is refused and never a failure with %s', async (_case, header) => {
    const { status } = await get([header()])
    expect([400, 401, 431]).toContain(status)
    expectNothingForwarded()
    expect(plane.audit.counts).toHaveLength(1)
    expect(plane.log.join('\n')).not.toContain('request_failed')
  })

  it('TK-02 costs no look-up with a wrong checksum', async () => {
    const before = plane.lookUps.length
    await get([`Authorization: Bearer ${flipLast(token)}`])
    expect(plane.lookUps).toHaveLength(before)
  })

  it.each<[string, () => [string[], string?]]>([
    ['a query', () => [[], `/stripe/v1/customers?access_token=${token}`]],
    ['a path', () => [[], `/stripe/v1/${token}/x`]],
    ['a percent-encoded query', () => [[], `/stripe/v1/x?t=${token.replaceAll('_', '%5F')}`]],
  ])('TK-10 is refused in %s', async (_case, request) => {
    const [headers, target] = request()
    const answer = await get(headers, target)
    expect(answer).toMatchObject({ status: 400 })
    expect(answer.body).not.toContain(token)
    expect(plane.audit.counts).toMatchObject([{ reason: 'token_in_url' }])
    expectNothingForwarded()
  })

  it('TK-10 is refused in an absolute URL with credentials', async () => {
    const answer = await exchangeRaw(
      plane.port,
      requestText(`GET http://${token}@proxy/v1/customers`, ['Host: proxy']),
    )
    expect(answer).toMatchObject({ status: 400 })
    expectNothingForwarded()
  })

  it.each([
    ['a management token', () => mintToken('mt', 'live'), 'token_wrong_kind'],
    ['an operator key', () => mintToken('ok', 'live'), 'token_wrong_kind'],
    ['one of another environment', () => mintToken('pt', 'test'), 'token_wrong_environment'],
    ['an unknown one', () => mintToken('pt', 'live'), 'token_unknown'],
    ['nothing at all', () => undefined, 'token_missing'],
  ])('TK-01 looks the same outside for %s', async (_case, make, reason) => {
    const presented = make()
    const headers = presented === undefined ? [] : [`Authorization: Bearer ${presented}`]
    const answer = await get(headers)
    expect(answer).toMatchObject({ status: 401 })
    const { detail, instance, error } = JSON.parse(answer.body) as Record<string, string>
    expect(detail?.replace(instance!, '')).toBe(
      'The phantom token is missing, malformed, unknown, expired, revoked or not valid here: ask your operator for a new one. Request .',
    )
    expect(error).toMatchObject({ code: 'invalid_token', type: 'authentication_error' })
    expect(answer.headers.get('www-authenticate')).toContain('Bearer realm="apistronghold"')
    expect(plane.audit.counts).toMatchObject([{ reason }])
    if (reason === 'token_unknown') {
      expect(plane.audit.counts[0]?.digestPrefix).toMatch(/^[0-9a-f]{8}$/)
    }
    expectNothingForwarded()
  })

  it('TK-07 ends at the very millisecond of its expiry, by the clock of the server', async () => {
    const start = plane.clock.now
    const short = plane.issue({ expiresAt: start + 5000 })
    const send = () => get([`Authorization: Bearer ${short}`])
    try {
      plane.clock.now = start + 4999
      expect(await send()).toMatchObject({ status: 200 })
      plane.clock.now = start + 5000
      expect(await send()).toMatchObject({ status: 401 })
    } finally {
      plane.clock.now = start
    }
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'token_expired' } }])
  })

  it('CE-15 is refused and marked beside a real key, and only counted without one', async () => {
    const key = 'sk_live_51HsfjkR3aLkeYzQp9Lm2'
    const both = await get([`X-Phantom-Token: ${token}`, `Authorization: Bearer ${key}`])
    expect(both).toMatchObject({ status: 403 })
    expect(JSON.parse(both.body)).toMatchObject({ error: { code: 'real_credential_presented' } })
    expect(plane.audit.refusals).toMatchObject([
      { refusal: { reason: 'real_credential_presented' }, marks: ['real_credential'] },
    ])
    expect(await get([`Authorization: Bearer ${key}`])).toMatchObject({ status: 403 })
    expect(await get([`Authorization: ${basic(key, '')}`])).toMatchObject({ status: 403 })
    expect(plane.audit.counts).toMatchObject([
      { reason: 'real_credential_presented' },
      { reason: 'real_credential_presented' },
    ])
    expect(JSON.stringify(plane.audit)).not.toContain(key)
    expectNothingForwarded()
  })
})

describe('guessing', () => {
  it('TK-12 is slowed down per source, and locks out nobody who works', async () => {
    expect(await get([`Authorization: Bearer ${token}`])).toMatchObject({ status: 200 })
    const guesses = await Promise.all(
      Array.from({ length: 60 }, () => get([`Authorization: Bearer ${mintToken('pt', 'live')}`])),
    )
    const statuses = guesses.map(({ status }) => status)
    const throttled = await get([`Authorization: Bearer ${mintToken('pt', 'live')}`])
    expect(statuses).toContain(401)
    expect(throttled.status).toBe(429)
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await get([`Authorization: Bearer ${token}`])).toMatchObject({ status: 200 })
    plane.clock.now += 2000
    const fresh = plane.issue()
    expect(await get([`Authorization: Bearer ${fresh}`])).toMatchObject({ status: 200 })
  })
})

function flipLast(text: string): string {
  return `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`
}
