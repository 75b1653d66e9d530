/** What an agent tries to smuggle past the data plane, or to take from others. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mintJwt } from '../../src/token/jwt.ts'
import { mintToken } from '../../src/token/token.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { aGrant } from '../support/grants.ts'
import { exchangeRaw, openRaw, requestText, type RawConnection } from '../support/raw-http.ts'

const FORM = 'Content-Type: application/x-www-form-urlencoded'
const KILOBYTE = 1024

let plane: TestPlane
let token: string
let jwt: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['stripe', 'openai'],
    limits: { heldBodyBytes: 64 * KILOBYTE },
  })
  plane.credentials.set('openai', { secret: 'sk-proj-OtherCanary0123456789' })
  token = plane.issue({ scope: 'stripe:read,stripe:write,openai:read' })
  const { privateKey } = generateKeyPairSync('ed25519')
  jwt = mintJwt(aGrant(), { privateKey, issuer: 'apistronghold', environment: 'production' })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.upstream.forget()
})

const basic = (text: string) => Buffer.from(text).toString('base64')
const send = (line: string, headers: readonly string[], body = '') =>
  exchangeRaw(
    plane.port,
    requestText(line, ['Host: localhost', `Authorization: Bearer ${token}`, ...headers], body),
  )

it('AV-09 survives a CONNECT whose client is gone before the answer', async () => {
  for (let round = 0; round < 20; round++) {
    const socket = connect(plane.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
    socket.resetAndDestroy()
    await once(socket, 'close')
  }
  expect(await send('GET /stripe/v1/charges', [])).toMatchObject({ status: 200 })
})

describe('TK-10 a phantom in a place that no rule removes', () => {
  it.each([
    ['Basic in the header of another service', () => `X-Auth-Key: Basic ${basic(`${token}:`)}`],
    ['Basic in any header', () => `X-Note: basic ${basic(`x:${token}`)}`],
    ['the Referer', () => `Referer: http://x/${token}`],
    ['a JWT in the Referer', () => `Referer: http://x/${jwt}`],
    ['a JWT in the User-Agent', () => `User-Agent: x ${jwt}`],
  ])('never reaches an upstream: %s', async (_case, header) => {
    await send('GET /stripe/v1/charges', [header()])
    const seen = plane.upstream.connections.join('')
    for (const secret of [token, jwt, basic(`${token}:`), basic(`x:${token}`)])
      expect(seen).not.toContain(secret)
  })

  it.each(['/stripe/v1/charges?x=', '/stripe/v1/charges/'])(
    'is refused as a JWT in the URL: %s',
    async (path) => {
      expect(await send(`GET ${path}${jwt}`, [])).toMatchObject({ status: 400 })
      expect(plane.upstream.requests).toEqual([])
    },
  )
})

describe('SC-11 headers that change who acts', () => {
  it.each([
    ['OpenAI-Organization', '/openai/v1/models'],
    ['OpenAI-Project', '/openai/v1/models'],
    ['Stripe-Account', '/stripe/v1/charges'],
  ])('are refused, never dropped: %s', async (name, path) => {
    expect(await send(`GET ${path}`, [`${name}: other`])).toMatchObject({ status: 403 })
  })

  it('are judged when Connection names them, too', async () => {
    const headers = ['Connection: Stripe-Account', 'Stripe-Account: acct_1']
    expect(await send('GET /stripe/v1/charges', headers)).toMatchObject({ status: 403 })
    expect(plane.upstream.requests).toEqual([])
  })

  it.each(['Forwarded: for=1.2.3.4', 'X-Real-IP: 1.2.3.4', 'X-Forwarded-For: 1.2.3.4'])(
    'does not pass on what upstreams believe about the client: %s',
    async (header) => {
      expect(await send('GET /stripe/v1/charges', [header])).toMatchObject({ status: 200 })
      expect(plane.upstream.connections.join('')).not.toContain('1.2.3.4')
    },
  )
})

it('CE-06 turns a URL without a scheme back to the door as well', async () => {
  plane.upstream.respond(() => ({
    headers: { link: '<//api.stripe.com/v1/charges?page=2>; rel="next"' },
    body: {},
  }))
  const answer = await send('GET /stripe/v1/charges', [])
  plane.upstream.respond(() => ({ body: { ok: true } }))
  expect(answer.headers.get('link')).toContain('<http://localhost/stripe/v1/charges?page=2>')
})

it('TK-12 recognises a good token from an address that guesses', async () => {
  for (let guess = 0; guess < 40; guess++) {
    const wrong = ['Host: localhost', `Authorization: Bearer ${mintToken('pt', 'live')}`]
    await exchangeRaw(plane.port, requestText('GET /stripe/v1/charges', wrong))
  }
  const fresh = ['Host: localhost', `Authorization: Bearer ${plane.issue()}`]
  expect(await exchangeRaw(plane.port, requestText('GET /stripe/v1/charges', fresh))).toMatchObject(
    { status: 200 },
  )
})

it('AV-03 leaves body memory for others when one agent takes all it can', async () => {
  const greedy = [
    'Host: localhost',
    `Authorization: Bearer ${plane.issue({ agent: 'greedy' })}`,
    FORM,
  ]
  const open: RawConnection[] = []
  for (let client = 0; client < 20; client++) {
    const head = requestText('POST /stripe/v1/customers', [
      ...greedy,
      `Content-Length: ${8 * KILOBYTE}`,
    ])
    open.push(openRaw(plane.port, head + 'a'.repeat(4 * KILOBYTE)))
  }
  await Promise.any(open.map((client) => client.until('overloaded')))
  const headers = [FORM, 'Content-Length: 11']
  expect(await send('POST /stripe/v1/customers', headers, 'email=a@b.c')).toMatchObject({
    status: 200,
  })
  for (const client of open) client.socket.destroy()
})
