/** Whatever an agent writes: the credential stands in its declared place, and nowhere else. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane()
  token = plane.issue({ scope: 'stripe:read,stripe:write' })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
})

/** What templates, placeholders and other proxies' marks look like. */
const WISHES = [
  '{secret}',
  'Bearer {secret}',
  '{base64:{secret}}',
  '${secret}',
  '{{secret}}',
  '$STRIPE_KEY',
  'vault:stripe',
  'env:STRIPE_KEY',
  '%7Bsecret%7D',
  '__SECRET__',
  '<secret>',
]

async function send(line: string, headers: readonly string[], body = ''): Promise<void> {
  const own = ['Host: localhost', `Authorization: Bearer ${token}`]
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  await exchangeRaw(plane.port, requestText(line, [...own, ...length, ...headers], body))
}

/** The only place, and only once. */
function expectInItsPlace(): void {
  const [request, ...others] = plane.upstream.requests
  if (!request) {
    // Refused, and nothing left.
    expect(plane.audit.refusals.length + plane.audit.counts.length).toBe(1)
    return
  }
  expect(others).toEqual([])
  expect(plane.upstream.count(REAL_KEY)).toBe(1)
  expect(request.header('authorization')).toBe(`Bearer ${REAL_KEY}`)
  expect(plane.upstream.count(Buffer.from(REAL_KEY).toString('base64'))).toBe(0)
}

describe.each(WISHES)('CE-07 "%s"', (wish) => {
  const value = wish.replaceAll(/[{}<>$ ]/g, encodeURIComponent)

  it.each<[string, () => Promise<void>]>([
    ['a header', () => send('GET /stripe/v1/customers', [`X-Note: ${wish}`, `Referer: ${wish}`])],
    ['another header for keys', () => send('GET /stripe/v1/customers', [`X-Api-Key: ${wish}`])],
    ['the query', () => send(`GET /stripe/v1/customers?note=${value}`, [])],
    ['the path', () => send(`GET /stripe/v1/customers/${value}`, [])],
    [
      'a form',
      () =>
        send(
          'POST /stripe/v1/customers',
          ['Content-Type: application/x-www-form-urlencoded'],
          `description=${wish}`,
        ),
    ],
    [
      'JSON',
      () =>
        send(
          'POST /stripe/v1/customers',
          ['Content-Type: application/json'],
          JSON.stringify({ note: wish }),
        ),
    ],
    ['a cookie', () => send('GET /stripe/v1/customers', [`Cookie: a=${wish}`])],
  ])('in %s stays what it is', async (_place, sending) => {
    await sending()
    expectInItsPlace()
  })
})

describe('CE-07 a second place for the credential', () => {
  it.each([
    ['another Authorization', ['Authorization: Bearer other']],
    ['one spelled otherwise', ['AUTHORIZATION: Bearer other']],
    ['one that the connection names', ['Connection: Authorization']],
    ['one for a proxy', ['Proxy-Authorization: Bearer other']],
  ])('is not made by %s', async (_what, headers) => {
    await send('GET /stripe/v1/customers', headers)
    expectInItsPlace()
  })
})
