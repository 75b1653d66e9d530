/** Hostile bytes from both sides of the running data plane: nothing leaks over, nothing stays open. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

const FORM = 'Content-Type: application/x-www-form-urlencoded'

let plane: TestPlane
let headers: readonly string[]

beforeAll(async () => {
  plane = await startPlane()
  headers = ['Host: localhost', `Authorization: Bearer ${plane.issue()}`]
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.upstream.respond(() => ({ body: { ok: true } }))
})

const charges = () => exchangeRaw(plane.port, requestText('GET /stripe/v1/charges', headers))

describe('HF-13 an answer that cannot be read in one way', () => {
  it.each([
    [
      'two framings',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi'],
    ['a bare CR', 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nhi'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi'],
    ['an escape', 'HTTP/1.1 200 OK\r\nX: \x1b[2J\r\nContent-Length: 2\r\n\r\nhi'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi'],
    ['a name with a space', 'HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 2\r\n\r\nhi'],
    ['a status below 100', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'],
    ['an upgrade that nobody asked for', 'HTTP/1.1 101 Odd\r\nUpgrade: x\r\n\r\n'],
    ['line feeds only', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi'],
    ['no HTTP at all', '\x00\x01\x02'],
  ])('is a 502 with %s, and recorded', async (_case, raw) => {
    plane.upstream.respond(() => ({ raw: Buffer.from(raw, 'latin1') }))
    expect(await charges()).toMatchObject({ status: 502 })
    expect(plane.audit.outcomes).toMatchObject([{ result: 'failed' }])
    plane.upstream.respond(() => ({ body: 'clean' }))
    expect(await charges()).toMatchObject({ status: 200, body: 'clean' })
  })

  it('never gives what follows an answer to the next client', async () => {
    const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
    plane.upstream.respond(() => ({
      raw: `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi${poison}`,
    }))
    expect(await charges()).toMatchObject({ status: 200, body: 'hi' })
    plane.upstream.respond(() => ({ body: 'clean' }))
    expect(await charges()).toMatchObject({ status: 200, body: 'clean' })
  })
})

it('HF-08 asks for no body before the scope is known to be there', async () => {
  const expecting = [...headers, 'Expect: 100-continue', 'Content-Length: 3']
  const client = openRaw(plane.port, requestText('POST /stripe/v1/refunds', expecting))
  await client.until('insufficient_scope')
  client.socket.destroy()
  expect(client.text).not.toContain('100 Continue')
  expect(plane.upstream.requests).toEqual([])
})

it('HF-08 never takes the body of a GET for another request', async () => {
  const body = 'POST /v1/refunds HTTP/1.1\r\nHost: x\r\n\r\n'
  const framed = [...headers, `Content-Length: ${body.length}`]
  const answer = await exchangeRaw(plane.port, requestText('GET /stripe/v1/charges', framed, body))
  expect(answer.status).toBe(200)
  expect(plane.upstream.requests).toMatchObject([{ method: 'GET', target: '/v1/charges' }])
  expect(plane.audit.intents).toHaveLength(1)
})

it('HF-11 drops trailers, whatever they are called', async () => {
  const trailers = 'Authorization: Bearer x\r\nStripe-Account: acct_1\r\nHost: evil\r\n'
  const answer = await exchangeRaw(
    plane.port,
    requestText(
      'POST /stripe/v1/customers',
      [...headers, FORM, 'Transfer-Encoding: chunked', 'Trailer: Authorization'],
      `3\r\na=b\r\n0\r\n${trailers}\r\n`,
    ),
  )
  expect(answer.status).toBe(200)
  expect(plane.upstream.count('acct_1') + plane.upstream.count('evil')).toBe(0)
  expect(plane.upstream.count('Bearer x')).toBe(0)
})

it('SC-16 judges each of several pipelined requests by itself', async () => {
  const client = openRaw(
    plane.port,
    [
      requestText('GET /stripe/v1/charges', headers),
      requestText('POST /stripe/v1/refunds', [...headers, 'Content-Length: 0']),
      requestText('GET /stripe/v1/charges', ['Host: localhost', 'Connection: close']),
    ].join(''),
  )
  await client.closed
  expect(client.text.match(/HTTP\/1\.1 \d{3}/g)).toEqual([
    'HTTP/1.1 200',
    'HTTP/1.1 403',
    'HTTP/1.1 401',
  ])
  expect(plane.upstream.requests).toMatchObject([{ target: '/v1/charges' }])
})

it('AV-09 leaves nothing open behind clients that break off at any point', async () => {
  const body = 'a'.repeat(30_000)
  const length = [...headers, FORM, `Content-Length: ${body.length}`]
  const chunked = [...headers, FORM, 'Transfer-Encoding: chunked']
  const points = Array.from({ length: 60 }, (_, index) => index)
  await Promise.all(
    points.map(async (index) => {
      const text =
        index % 2 === 0
          ? requestText('POST /stripe/v1/customers', length, body.slice(0, index * 1000))
          : requestText('POST /stripe/v1/customers', chunked, '5\r\na=bbb\r\n')
      const client = openRaw(plane.port, text)
      for (let turn = 0; turn < index; turn += 1) await new Promise(setImmediate)
      if (index % 3 === 0) client.socket.resetAndDestroy()
      else client.socket.destroy()
      await client.closed
    }),
  )
  // As many bodies at once as the budget has room for: every one that broke off gave its part back.
  const whole = requestText('POST /stripe/v1/customers', chunked, '3\r\na=b\r\n0\r\n\r\n')
  await expect
    .poll(async () => {
      const answers = await Promise.all(
        Array.from({ length: 25 }, () => exchangeRaw(plane.port, whole)),
      )
      return answers.filter(({ status }) => status === 200).length
    })
    .toBe(25)
  await expect.poll(() => plane.audit.outcomes.length).toBe(plane.audit.intents.length)
})
