/** Request bodies through the running data plane: read where a rule must, streamed everywhere else. */

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { createAuthority, LOOPBACK_NAMES } from '../support/pki.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['stripe', 'openai'],
    limits: { wire: { ...DEFAULT_LIMITS.wire, bodyIdleTimeoutMs: 300 }, heldBodyBytes: 44 << 20 },
  })
  plane.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
  token = plane.issue({ scope: 'stripe:read,stripe:write,openai:write,openai:read' })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.upstream.respond(() => ({ body: { ok: true } }))
})

const FORM = 'Content-Type: application/x-www-form-urlencoded'
const bearer = () => `Authorization: Bearer ${token}`

const text = (line: string, headers: readonly string[], body = '') =>
  requestText(line, ['Host: localhost', bearer(), ...headers], body)

const post = (path: string, body: string, ...headers: readonly string[]) =>
  exchangeRaw(
    plane.port,
    text(`POST ${path}`, [`Content-Length: ${body.length}`, ...headers], body),
  )

const received = () => plane.upstream.requests.map(({ body }) => body.toString('latin1'))

describe('a body that a rule must read', () => {
  it.each([
    ['email=a%40b.c&name=x', 200],
    ['balance=-5000', 403],
    ['email=a&%62alance=1', 403],
    ['balance', 403],
  ])('decides: %s is answered %i', async (body, status) => {
    expect((await post('/stripe/v1/customers', body, FORM)).status).toBe(status)
    expect(received()).toEqual(status === 200 ? [body] : [])
  })

  it('arrives unchanged, byte for byte', async () => {
    const odd = 'name=%C3%A9+x&a[b][]=1&a[b][]=2&&=&x=%7e'
    expect(await post('/stripe/v1/customers', odd, FORM)).toMatchObject({ status: 200 })
    expect(received()).toEqual([odd])
    expect(plane.audit.outcomes[0]).toMatchObject({ requestBytes: odd.length, result: 'answered' })
  })

  it('arrives from chunks, with its length', async () => {
    const chunks = '5\r\nname=\r\n3\r\nabc\r\n0\r\n\r\n'
    const request = text('POST /stripe/v1/customers', [FORM, 'Transfer-Encoding: chunked'], chunks)
    expect(await exchangeRaw(plane.port, request)).toMatchObject({ status: 200 })
    expect(received()).toEqual(['name=abc'])
  })

  it.each([
    ['compressed', [FORM, 'Content-Encoding: gzip']],
    ['of an unknown type', ['Content-Type: text/plain']],
    ['of no type', []],
    ['of two minds about its letters', [`${FORM}; charset=utf-16`]],
  ])('counts as the worst when it is %s', async (_case, headers) => {
    const answer = await post('/stripe/v1/customers', 'name=x', ...headers)
    // By the scope that the worst would need, or by the guard that had to read it.
    const { error } = JSON.parse(answer.body) as { error: { code: string } }
    expect(`${answer.status} ${error.code}`).toMatch(/^403 insufficient_scope|^400 unreadable_body/)
    expect(received()).toEqual([])
  })

  it('that is empty or absent decides nothing', async () => {
    expect(await post('/stripe/v1/customers', '')).toMatchObject({ status: 200 })
    expect(await post('/stripe/v1/customers', '', FORM)).toMatchObject({ status: 200 })
    const none = text('POST /stripe/v1/customers', [])
    expect(await exchangeRaw(plane.port, none)).toMatchObject({ status: 200 })
  })

  it('is refused above the limit, at once when it says how long it is', async () => {
    const head = text('POST /stripe/v1/customers', [
      FORM,
      `Content-Length: ${10 * 1024 * 1024 + 1}`,
    ])
    const answer = await exchangeRaw(plane.port, head)
    expect(answer).toMatchObject({ status: 413 })
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'body_too_large' } })
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'body_too_large' } }])
    expect(plane.upstream.requests).toEqual([])
  })

  it('is refused above the limit in chunks', async () => {
    const mebibyte = `100000\r\n${'a'.repeat(1 << 20)}\r\n`
    const head = text('POST /stripe/v1/customers', [FORM, 'Transfer-Encoding: chunked'])
    const connection = openRaw(plane.port, head + mebibyte.repeat(11))
    await connection.until('"code":"body_too_large"')
    connection.socket.destroy()
    expect(plane.upstream.requests).toEqual([])
  })

  it('AV-03 is refused while its agent holds too many already, and the room comes back', async () => {
    const size = 9 << 20
    const type = 'Content-Type: application/json'
    const head = text('POST /stripe/v1/customers', [type, `Content-Length: ${size}`])
    const most = `${head}{"name":"${'a'.repeat(size - 20)}`
    const first = openRaw(plane.port, most)
    const second = openRaw(plane.port, most)
    // Together they are more than one agent's share: one of them must be told so.
    await Promise.any([first, second].map((each) => each.until('"code":"overloaded"')))
    first.socket.destroy()
    second.socket.destroy()
    const third = () => exchangeRaw(plane.port, `${most}${'b'.repeat(9)}"}`)
    await expect.poll(async () => (await third()).status, { timeout: 20_000 }).toBe(200)
    expect(plane.upstream.requests[0]?.body.length).toBe(size)
  })

  it('is not waited for when the base scope is missing', async () => {
    const head = text('POST /stripe/v1/refunds', [FORM, 'Content-Length: 100'])
    expect(await exchangeRaw(plane.port, head)).toMatchObject({ status: 403 })
  })

  it('that stops coming is refused, and the connection ends', async () => {
    const head = text('POST /stripe/v1/customers', [FORM, 'Content-Length: 100'])
    const connection = openRaw(plane.port, `${head}name=`)
    await connection.until('"code":"unreadable_body"')
    await connection.closed
    expect(plane.audit.refusals).toMatchObject([{ refusal: { reason: 'body_unreadable' } }])
  })
})

describe('a client that waits for 100 Continue', () => {
  const EXPECT = ['Expect: 100-continue', FORM, 'Content-Length: 8']

  it('HF-08 gets it after token and scope have passed, and not before', async () => {
    const connection = openRaw(plane.port, text('POST /stripe/v1/customers', EXPECT))
    await connection.until('100 Continue\r\n\r\n')
    connection.socket.write('name=abc')
    await connection.until('200 Answer')
    await untilTrue(() => plane.audit.outcomes.length === 1)
    connection.socket.destroy()
    expect(received()).toEqual(['name=abc'])
    expect(plane.upstream.requests[0]?.header('expect')).toBeUndefined()
  })

  it.each([
    [
      'without a token',
      () => requestText('POST /stripe/v1/customers', ['Host: a', ...EXPECT]),
      401,
    ],
    ['without the scope', () => text('POST /stripe/v1/refunds', EXPECT), 403],
  ])('HF-08 gets none %s', async (_case, request, status) => {
    const connection = openRaw(plane.port, request())
    await connection.closed
    expect(connection.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it.each(['x 100-continue', '200-ok', '100-continue, x'])(
    'HF-08 is turned away with another expectation: %s',
    async (expectation) => {
      const headers = [`Expect: ${expectation}`, FORM, 'Content-Length: 8']
      expect(
        await exchangeRaw(plane.port, text('POST /stripe/v1/customers', headers)),
      ).toMatchObject({ status: 417 })
    },
  )
})

describe('a body that no rule reads', () => {
  const UPLOAD = 'POST /openai/v1/uploads/upload_1/parts'
  const MULTIPART = 'Content-Type: multipart/form-data; boundary=x'

  it('streams: its first bytes leave before its last ones have come', async () => {
    const head = text(UPLOAD, [MULTIPART, 'Content-Length: 10'])
    const connection = openRaw(plane.port, `${head}first`)
    await plane.upstream.until(() => plane.upstream.count('first') === 1)
    expect(plane.upstream.pendingHeads[0]?.header('content-length')).toBe('10')
    connection.socket.write('-last')
    await connection.until('200 Answer')
    await untilTrue(() => plane.audit.outcomes.length === 1)
    connection.socket.destroy()
    expect(received()).toEqual(['first-last'])
  })

  it('streams in chunks of the same bytes, whatever its size', async () => {
    const piece = 'b'.repeat(1 << 20)
    const head = text(UPLOAD, [MULTIPART, 'Transfer-Encoding: chunked'])
    const chunk = `100000\r\n${piece}\r\n`
    const answer = await exchangeRaw(plane.port, `${head}${chunk.repeat(12)}0\r\n\r\n`)
    expect(answer).toMatchObject({ status: 200 })
    expect(plane.upstream.requests[0]?.body.length).toBe(12 << 20)
    expect(plane.upstream.requests[0]?.header('transfer-encoding')).toBe('chunked')
    expect(plane.audit.outcomes[0]).toMatchObject({ requestBytes: 12 << 20 })
  })

  it('HF-04 that breaks off, or turns into garbage, never looks complete to the upstream', async () => {
    for (const end of ['5\r\nab', 'zz\r\nabc\r\n0\r\n\r\n']) {
      plane.upstream.forget()
      const head = text(UPLOAD, [MULTIPART, 'Transfer-Encoding: chunked'])
      const connection = openRaw(plane.port, `${head}5\r\nfirst\r\n`)
      await plane.upstream.until(() => plane.upstream.count('first') === 1)
      connection.socket.write(end)
      if (end.startsWith('5')) connection.socket.destroy()
      await connection.closed
      await untilTrue(() => plane.audit.outcomes.length === 1)
      expect(plane.audit.outcomes.pop()).toMatchObject({
        result: 'abandoned',
        cause: end.startsWith('5') ? 'client_gone' : 'request_body_malformed',
      })
      expect(plane.upstream.requests).toEqual([])
    }
  })

  it('that stops coming is given up after a while', async () => {
    const head = text(UPLOAD, [MULTIPART, 'Content-Length: 10'])
    const connection = openRaw(plane.port, `${head}first`)
    await connection.closed
    expect(connection.text).toMatch(/^HTTP\/1\.1 400 .*it stopped arriving/s)
    const cause = 'request_body_stalled'
    expect(plane.audit.outcomes).toMatchObject([{ result: 'abandoned', cause }])
    expect(plane.upstream.requests).toEqual([])
  })

  it('may be answered before it has come', async () => {
    const authority = createAuthority()
    const hasty = createServer(authority.issue({ names: LOOPBACK_NAMES }), (_request, response) => {
      response.writeHead(413, { 'content-type': 'application/json' }).end('{"error":"too much"}')
    })
    await new Promise<void>((resolve) => hasty.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(hasty.address() as AddressInfo).port}`
    const origin = { url, ca: authority.certificate, allowPrivateAddress: true }
    const other = await startPlane({ services: ['openai'], settings: { origin } })
    try {
      other.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
      const headers = ['Host: a', MULTIPART, 'Content-Length: 5000000']
      const authorised = `Authorization: Bearer ${other.issue({ scope: 'openai:write' })}`
      const head = requestText('POST /v1/uploads/upload_1/parts', [...headers, authorised])
      const connection = openRaw(other.port, `${head}first`)
      await connection.until('too much')
      await connection.closed
      expect(other.audit.outcomes).toMatchObject([{ result: 'answered', status: 413 }])
    } finally {
      await other.stop()
      hasty.closeAllConnections()
      hasty.close()
    }
  })
})

async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}
