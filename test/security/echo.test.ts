/** Upstreams that send back the credential they were given, in every place and form that an answer has. */

import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findSecret } from '../support/canary.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'
import type { Answer } from '../support/upstream.ts'

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

interface Got {
  readonly status: number
  readonly head: string
  readonly body: string
  readonly whole: string
}

async function answered(answer: Answer, method = 'GET'): Promise<Got> {
  plane.upstream.respond(() => answer)
  const headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']
  const text = requestText(`${method} /stripe/v1/customers`, headers)
  const { status, head, body } = await exchangeRaw(plane.port, text)
  return { status, head, body, whole: `${head}\r\n\r\n${body}` }
}

async function lastOutcome() {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return plane.audit.outcomes.at(-1)
}

const STARS = '*'.repeat(REAL_KEY.length)
const raw = (text: string): Answer => ({ raw: text })
const bearer = `Bearer ${REAL_KEY}`

describe('CE-01 a credential in an answer', () => {
  it.each<[string, Answer]>([
    ['the body', { body: { echo: bearer } }],
    ['an error', { status: 500, body: `cannot use ${bearer}` }],
    ['a header', { headers: { 'x-debug': bearer }, body: 'x' }],
    ['a cookie', { headers: { 'set-cookie': `auth=${REAL_KEY}; Path=/` }, body: 'x' }],
    [
      'the name of a header',
      raw(`HTTP/1.1 200 OK\r\n${REAL_KEY}: 1\r\nContent-Length: 1\r\n\r\nx`),
    ],
    ['the reason phrase', raw(`HTTP/1.1 400 Bad ${REAL_KEY}\r\nContent-Length: 1\r\n\r\nx`)],
    ['Location', { status: 302, headers: { location: `https://evil.example/?k=${REAL_KEY}` } }],
    [
      'an interim answer',
      raw(
        `HTTP/1.1 103 Early Hints\r\nLink: <${REAL_KEY}>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx`,
      ),
    ],
    [
      'a trailer',
      raw(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Key: ${REAL_KEY}\r\n\r\n`,
      ),
    ],
    [
      'a chunk extension',
      raw(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;k=${REAL_KEY}\r\nx\r\n0\r\n\r\n`),
    ],
    ['base64', { body: { echo: Buffer.from(`user:${REAL_KEY}`).toString('base64') } }],
    ['hex', { body: Buffer.from(REAL_KEY).toString('hex') }],
    ['UTF-16', { body: Buffer.from(`key ${REAL_KEY}`, 'utf16le') }],
  ])('is never seen by the agent: in %s', async (_place, answer) => {
    const { whole } = await answered(answer)
    expect(findSecret(Buffer.from(whole, 'latin1'), REAL_KEY)).toEqual([])
  })

  it('is overwritten by as many stars, so that the length holds', async () => {
    const { body, head } = await answered({ body: { echo: bearer } })
    expect(JSON.parse(body)).toEqual({ echo: `Bearer ${STARS}` })
    expect(head).toContain(`Content-Length: ${body.length}`)
  })

  it('is on the record as an echo', async () => {
    await answered({ body: bearer })
    expect(await lastOutcome()).toMatchObject({ result: 'answered', marks: ['credential_echo'] })
    plane.forget()
    await answered({ headers: { 'x-debug': bearer }, body: 'x' })
    expect(await lastOutcome()).toMatchObject({ marks: ['credential_echo'] })
    plane.forget()
    await answered({ body: 'nothing' })
    expect((await lastOutcome())?.marks ?? []).toEqual([])
  })
})

describe('CE-02 a credential that is split', () => {
  const inPieces = (text: string, size: number): Answer => ({
    chunks: (async function* () {
      for (let at = 0; at < text.length; at += size) {
        yield text.slice(at, at + size)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })(),
  })

  it.each([1, 2, 7, 31])('into pieces of %i bytes is not seen', async (size) => {
    const { whole } = await answered(inPieces(`{"a": "${bearer}", "b": 1}`, size))
    expect(findSecret(whole.replaceAll(/\r\n[0-9a-f]+\r\n/g, ''), REAL_KEY)).toEqual([])
    expect(whole).not.toContain(REAL_KEY.slice(0, 12))
  })

  it('after its beginning was shown cuts the answer', async () => {
    const pause = Promise.withResolvers<undefined>()
    const chunks = (async function* () {
      yield `data: ${REAL_KEY.slice(0, 6)}`
      await pause.promise
      yield `${REAL_KEY.slice(6)}\n\n`
    })()
    setTimeout(() => {
      pause.resolve(undefined)
    }, 100)
    const { whole } = await answered({ chunks })
    expect(whole).not.toContain(REAL_KEY.slice(6, 20))
    expect(await lastOutcome()).toMatchObject({ result: 'cut', cause: 'credential_echo' })
  })
})

it('CE-01 a credential whose end is cut off is no more to be seen than a whole one', async () => {
  const { body } = await answered({ status: 401, body: `bad key ${REAL_KEY.slice(0, -1)}` })
  expect(body).toBe(`bad key ${'*'.repeat(REAL_KEY.length - 1)}`)
  expect(await lastOutcome()).toMatchObject({ marks: ['credential_echo'] })
})

describe('CE-04 an answer that is coded though nobody asked for that', () => {
  const text = JSON.stringify({ echo: bearer, filling: 'abc '.repeat(5000) })
  const CODINGS: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ]
  const coded = (coding: string | readonly string[], body: Buffer): Answer => ({
    headers: { 'content-encoding': coding, 'content-type': 'application/json' },
    body,
  })

  it.each(CODINGS)('as %s comes decoded, and without the credential', async (coding, encode) => {
    const { status, head, body } = await answered(coded(coding, encode(Buffer.from(text))))
    expect(status).toBe(200)
    expect(head).not.toMatch(/content-encoding|content-length/i)
    expect(body).toContain(`Bearer ${STARS}`)
    expect(body).not.toContain(REAL_KEY)
  })

  it.each<[string, Answer]>([
    ['a coding that nobody knows', coded('exi', Buffer.from(text))],
    ['two codings', coded('gzip, br', brotliCompressSync(gzipSync(text)))],
    ['two lines of codings', coded(['gzip', 'br'], brotliCompressSync(gzipSync(text)))],
  ])('with %s is 502', async (_what, answer) => {
    const { status, head, whole } = await answered(answer)
    expect(status).toBe(502)
    expect(head).toContain('error=http_response_content_coding')
    expect(findSecret(whole, REAL_KEY)).toEqual([])
    expect(await lastOutcome()).toMatchObject({ result: 'cut', cause: 'upstream_undecodable' })
  })

  it.each<[string, string | readonly string[]]>([
    ['identity on a line before it', ['identity', 'gzip']],
    ['identity on a line behind it', ['gzip', 'identity']],
    ['an empty line before it', ['', 'gzip']],
    ['identity beside it', 'identity, gzip'],
    ['capitals and spaces', ' GZip ,'],
  ])('with %s comes decoded all the same', async (_what, coding) => {
    const { status, head, body } = await answered(coded(coding, gzipSync(text)))
    expect(status).toBe(200)
    expect(head).not.toMatch(/content-encoding/i)
    expect(body).toContain(`Bearer ${STARS}`)
  })

  it('that is not what it says is cut', async () => {
    const { whole } = await answered(coded('gzip', Buffer.from(text)))
    expect(findSecret(whole, REAL_KEY)).toEqual([])
    expect(await lastOutcome()).toMatchObject({ result: 'cut', cause: 'upstream_undecodable' })
  })

  it('that is a thousand times larger than it came is cut', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const { whole } = await answered(coded('gzip', bomb))
    expect(whole.length).toBeLessThan(16 * 1024 * 1024)
    expect(await lastOutcome()).toMatchObject({ result: 'cut', cause: 'upstream_undecodable' })
  })

  it('has its head passed, where nothing comes behind it', async () => {
    const asked = await answered(coded('gzip', gzipSync(text)), 'HEAD')
    expect([asked.status, asked.body]).toEqual([200, ''])
    expect(asked.head).not.toMatch(/content-encoding/i)
    expect(await lastOutcome()).toMatchObject({ result: 'answered' })
    const empty = await answered(coded('gzip', Buffer.alloc(0)))
    expect([empty.status, empty.body.replace(/^0\r\n\r\n$/, '')]).toEqual([200, ''])
  })

  it('is asked for as it is', async () => {
    await answered({ body: 'x' })
    expect(plane.upstream.requests[0]?.header('accept-encoding')).toBe('identity')
  })
})

describe('CE-06 a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%i is passed back and never followed', async (status) => {
    const { status: got, head } = await answered({
      status,
      headers: { location: 'https://evil.example/collect' },
    })
    expect([got, plane.upstream.requests.length]).toEqual([status, 1])
    expect(head).toContain('https://evil.example/collect')
  })
})
