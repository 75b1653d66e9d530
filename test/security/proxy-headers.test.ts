/** Headers through the running data plane: what passes, what ends here, what is refused. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane()
  token = plane.issue()
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
})

const bearer = () => `Authorization: Bearer ${token}`

const send = (line: string, headers: readonly string[], body = '') =>
  exchangeRaw(plane.port, requestText(line, ['Host: localhost', bearer(), ...headers], body))

const forwarded = () => {
  const [request] = plane.upstream.requests
  return request!
}

describe('headers', () => {
  it('pass in order and as spelled', async () => {
    const own = [
      'X-First: 1',
      'aCCept: a/b;q=0.5,  c/d',
      'x-SECOND: \xe9\t2',
      'X-First: 3',
      'Empty:',
    ]
    expect(await send('GET /v1/customers', own)).toMatchObject({ status: 200 })
    const names = forwarded().headers.map(([name]) => name)
    expect(names.filter((name) => /first|second|accept$|empty/i.test(name))).toEqual([
      'X-First',
      'aCCept',
      'x-SECOND',
      'X-First',
      'Empty',
    ])
    expect(forwarded().header('x-second')).toBe('\xe9\t2')
    expect(forwarded().header('x-first')).toBe('1, 3')
  })

  it('CE-07 get the Host of the upstream, whatever the client says', async () => {
    const text = (host: string) => requestText('GET /v1/customers', [`Host: ${host}`, bearer()])
    for (const host of ['evil.example', 'evil.example:443', '169.254.169.254', '[::1]:80']) {
      plane.upstream.forget()
      expect(await exchangeRaw(plane.port, text(host))).toMatchObject({ status: 200 })
      expect(forwarded().header('host')).toBe(new URL(plane.upstream.origin).host)
      expect(plane.audit.intents.at(-1)?.access.host).toBe('api.stripe.com')
    }
  })

  it.each(['X-Target', 'X-Forwarded-Host', 'X-Upstream', 'X-Amz-Target'])(
    'CE-07 do not choose the upstream by %s',
    async (name) => {
      const others = [`${name}: https://evil.example`, `${name}: evil.example`]
      expect(await send('GET /v1/customers?url=https://evil.example', others)).toMatchObject({
        status: 200,
      })
      expect(plane.upstream.requests).toHaveLength(1)
    },
  )

  it('HF-09 that Connection names are dropped, and the credential always arrives', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `x-${index}`).join(',')
    const sets = [
      ['Connection: Authorization'],
      ['Connection: close, X-Api-Key, Host, Content-Length, Authorization', 'X-Api-Key:'],
      ['Connection: keep-alive', 'Connection: authorization'],
      [`Connection: ${many}`, 'X-7: gone', 'X-Kept: yes'],
      ['Connection: X-Other', 'X-Other: gone', 'Keep-Alive: timeout=5', 'TE: trailers'],
    ]
    for (const headers of sets) {
      plane.upstream.forget()
      expect(await send('GET /v1/customers', headers)).toMatchObject({ status: 200 })
      expect(forwarded().header('authorization')).toBe(`Bearer ${REAL_KEY}`)
      expect(plane.upstream.count('gone')).toBe(0)
      expect(forwarded().header('te')).toBeUndefined()
      expect(forwarded().header('keep-alive')).toBeUndefined()
    }
  })

  it('HF-09 named by Connection do not take the length of the body with them', async () => {
    const headers = ['Connection: Content-Length, Content-Type', 'Content-Length: 7']
    const type = 'Content-Type: application/x-www-form-urlencoded'
    await send('POST /v1/customers', [...headers, type], 'name=ab')
    // Without its type the body cannot be read by the rule that must read it.
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'scope_missing' } }])
  })

  it('SC-11 that would be believed about the client are dropped', async () => {
    const lies = [
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Anything: x',
      'X-Original-URL: /v1/refunds',
      'X-Rewrite-URL: /v1/refunds',
    ]
    expect(await send('GET /v1/customers', lies)).toMatchObject({ status: 200 })
    const names = forwarded().headers.map(([name]) => name.toLowerCase())
    expect(names.filter((name) => /forwarded|original|rewrite/.test(name))).toEqual([])
    expect(plane.audit.intents[0]?.access.source).toBe('127.0.0.1')
  })

  it.each(['Stripe-Account: acct_1', 'stripe-context: x', 'STRIPE-ACCOUNT: acct_1'])(
    'SC-11 that change who acts are refused, not dropped: %s',
    async (header) => {
      const answer = await send('GET /v1/customers', [header])
      expect(answer).toMatchObject({ status: 403 })
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'acting_as_not_allowed' } })
      expect(answer.body).toContain('stripe:account')
      expect(plane.upstream.requests).toEqual([])
      expect(plane.audit.refusals).toHaveLength(1)
    },
  )

  it('SC-11 that change who acts pass with the scope for it', async () => {
    const wide = plane.issue({ scope: 'stripe:read,stripe:account' })
    const headers = ['Host: localhost', `Authorization: Bearer ${wide}`, 'Stripe-Account: acct_1']
    const answer = await exchangeRaw(plane.port, requestText('GET /v1/customers', headers))
    expect(answer).toMatchObject({ status: 200 })
    expect(forwarded().header('stripe-account')).toBe('acct_1')
  })

  it.each([
    ['POST /v1/customers', ['X-HTTP-Method-Override: DELETE', 'Content-Length: 0']],
    ['POST /v1/customers', ['X-HTTP-Method: DELETE', 'Content-Length: 0']],
    ['GET /v1/customers?_method=DELETE', []],
    ['GET /v1/customers?$httpMethod=DELETE', []],
    ['GET /v1/customers?%5Fmethod=DELETE', []],
    ['get /v1/customers', []],
    ['TRACE /v1/customers', []],
    ['TRACK /v1/customers', []],
    ['DEBUG /v1/customers', []],
    ['OPTIONS /v1/customers', []],
    ['PURGE /v1/customers', []],
  ])('SC-09 do not change the method: %s %j', async (line, headers) => {
    const { status } = await send(line, headers)
    expect([400, 403, 405, 501]).toContain(status)
    if (line.startsWith('TRACE')) expect(status).toBe(405)
    expect(plane.upstream.requests).toEqual([])
  })

  describe('a form', () => {
    const sendForm = async (line: string, body: string) => {
      const wide = plane.issue({ scope: 'stripe:write,stripe:delete' })
      const type = 'Content-Type: application/x-www-form-urlencoded'
      const headers = ['Host: localhost', `Authorization: Bearer ${wide}`, type]
      const length = `Content-Length: ${body.length}`
      return await exchangeRaw(plane.port, requestText(line, [...headers, length], body))
    }

    it.each(['POST /v1/payment_intents/pi_1/capture', 'DELETE /v1/customers/cus_1'])(
      'SC-09 does not change the method, and passes without a field that would: %s',
      async (line) => {
        expect(await sendForm(line, '_method=PATCH')).toMatchObject({ status: 403 })
        expect(plane.upstream.requests).toEqual([])
        expect(await sendForm(line, 'a=1')).toMatchObject({ status: 200 })
        expect(forwarded().body.toString()).toBe('a=1')
      },
    )
  })

  it('SC-09 HEAD is judged as GET and sent as HEAD', async () => {
    expect(await send('HEAD /v1/customers', [])).toMatchObject({ status: 200, body: '' })
    expect(forwarded().method).toBe('HEAD')
    expect(plane.audit.intents[0]?.access).toMatchObject({
      method: 'HEAD',
      scopes: ['stripe:read'],
    })
  })

  it.each([
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
    'X_Api_Key: x',
    'Authorization_: x',
    'Stripe_Account: acct_1',
  ])('HF-10 with an underscore are refused: %s', async (header) => {
    expect(await send('GET /v1/customers', [header])).toMatchObject({ status: 400 })
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.counts).toMatchObject([{ reason: 'request_malformed' }])
  })

  it.each<[string, readonly string[]]>([
    ['no Host', []],
    ['two Hosts', ['Host: a', 'Host: a']],
    ['a space', ['Host: a b']],
    ['a path', ['Host: foo/bar']],
    ['an impossible port', ['Host: a:99999']],
    ['a user', ['Host: user@a']],
    ['nothing in it', ['Host:']],
  ])('HF-06 with %s are refused', async (_case, hosts) => {
    const text = requestText('GET /v1/customers', [...hosts, bearer()])
    expect(await exchangeRaw(plane.port, text)).toMatchObject({ status: 400 })
    expect(plane.upstream.requests).toEqual([])
  })

  it.each([
    ['HTTP/2.0', 505],
    ['HTTP/0.9', 505],
    ['HTTP/1.32', 505],
    ['HTTP/1.2', 505],
  ])('HF-07 of %s are refused', async (version, status) => {
    const text = `GET /v1/customers ${version}\r\nHost: a\r\n${bearer()}\r\n\r\n`
    expect(await exchangeRaw(plane.port, text)).toMatchObject({ status })
    expect(plane.upstream.requests).toEqual([])
  })

  it('HF-07 of HTTP/1.0 are fine without Host, and with chunks are not', async () => {
    const old = `GET /v1/customers HTTP/1.0\r\n${bearer()}\r\n`
    expect(await exchangeRaw(plane.port, `${old}\r\n`)).toMatchObject({ status: 200 })
    const chunked = `${old.replace('GET', 'POST')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    expect(await exchangeRaw(plane.port, chunked)).toMatchObject({ status: 400 })
  })

  it('HF-12 offering h2c are answered in HTTP/1.1, with the offer taken out', async () => {
    const offer = [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
    ]
    expect(await send('GET /v1/customers', offer)).toMatchObject({ status: 200 })
    expect(forwarded().header('upgrade')).toBeUndefined()
    expect(forwarded().header('http2-settings')).toBeUndefined()
  })

  it('HF-12 asking for a websocket are refused with a reason', async () => {
    const asked = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const answer = await send('GET /v1/customers', asked)
    expect(answer).toMatchObject({ status: 426 })
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'upgrade_refused' } })
    expect(plane.upstream.requests).toEqual([])
  })

  it('CE-05 of a range are dropped where no rule allows one', async () => {
    const ranges = ['Range: bytes=0-99', 'If-Range: "x"']
    expect(await send('GET /v1/customers', ranges)).toMatchObject({ status: 200 })
    expect(forwarded().header('range')).toBeUndefined()
    expect(forwarded().header('if-range')).toBeUndefined()
  })

  it('CE-04 ask the upstream for an answer as it is', async () => {
    await send('GET /v1/customers', ['Accept-Encoding: gzip, br'])
    expect(forwarded().header('accept-encoding')).toBe('identity')
  })

  it('AV-02 that are too long are refused', async () => {
    expect(await send('GET /v1/customers', [`X: ${'a'.repeat(64_000)}`])).toMatchObject({
      status: 431,
    })
  })
})
