/** What passes through the wire in both directions: order, framing, endings, one byte at a time. */

import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createChannel } from '../support/channel.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'
import { startScripted } from '../support/scripted-upstream.ts'

const FORM = 'Content-Type: application/x-www-form-urlencoded'
const MULTIPART = 'Content-Type: multipart/form-data; boundary=x'

let plane: TestPlane
let headers: readonly string[]

beforeAll(async () => {
  plane = await startPlane({ services: ['stripe', 'openai'] })
  plane.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
  const scope = 'stripe:read,stripe:write,openai:read,openai:write'
  headers = ['Host: localhost', `Authorization: Bearer ${plane.issue({ scope })}`]
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.upstream.respond(({ target }) => ({ body: target }))
})

/** What was admitted is over, so that the next test sees no outcome but its own. */
afterEach(() => expect.poll(() => plane.audit.outcomes.length).toBe(plane.audit.intents.length))

const get = (path: string, more: readonly string[] = []) =>
  requestText(`GET /stripe/v1/${path}`, [...headers, ...more])

const post = (body: string, more: readonly string[] = []) =>
  requestText(
    'POST /stripe/v1/customers',
    [...headers, FORM, `Content-Length: ${body.length}`, ...more],
    body,
  )

/** To an operation whose rules read no body. */
const upload = (framing: string, body = '') =>
  requestText('POST /openai/v1/files', [...headers, MULTIPART, framing], body)

const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

const targetsOf = (text: string) => [...text.matchAll(/\r\n\r\n(\/v1\/[a-z])/g)].map(([, at]) => at)

describe('pipelined requests', () => {
  it('are answered in their order, however late the first answer is', async () => {
    const late = Promise.withResolvers<undefined>()
    plane.upstream.respond(async ({ target }) => {
      if (target === '/v1/a') await late.promise
      return { body: target }
    })
    const client = openRaw(plane.port, `${get('a')}${get('b')}${get('c', ['Connection: close'])}`)
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    late.resolve(undefined)
    await client.closed
    expect(statusesOf(client.text)).toEqual([200, 200, 200])
    expect(targetsOf(client.text)).toEqual(['/v1/a', '/v1/b', '/v1/c'])
  })

  it('are answered behind a body and behind a refusal', async () => {
    const refused = requestText('GET /stripe/v1/a', ['Host: localhost'])
    const text = `${post('a=b')}${refused}${get('b')}${get('c', ['Connection: close'])}`
    const client = openRaw(plane.port, text)
    await client.closed
    expect(statusesOf(client.text)).toEqual([200, 401, 200, 200])
    expect(plane.upstream.requests.map(({ target }) => target)).toEqual([
      '/v1/customers',
      '/v1/b',
      '/v1/c',
    ])
    expect(plane.upstream.requests[0]?.body.toString()).toBe('a=b')
  })

  it('HF-08 are not read behind one that closes the connection', async () => {
    const client = openRaw(plane.port, `${get('a', ['Connection: close'])}${get('b')}`)
    await client.closed
    expect(statusesOf(client.text)).toEqual([200])
    expect(plane.upstream.requests).toHaveLength(1)
    expect(plane.audit.intents).toHaveLength(1)
  })

  it('HF-08 are not read behind one that is malformed, whatever arrives meanwhile', async () => {
    const bad = 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'
    const client = openRaw(plane.port, `${bad}${get('a')}`)
    client.socket.on('data', () => client.socket.write(get('b')))
    await client.closed
    expect(statusesOf(client.text)).toEqual([400])
    expect(plane.upstream.requests).toEqual([])
  })
})

describe('a connection', () => {
  it('serves a hundred requests, with bodies and without', async () => {
    const client = openRaw(plane.port, '')
    for (let turn = 0; turn < 100; turn += 1) {
      client.socket.write(turn % 2 === 0 ? post(`a=${turn}`) : get(`n/${turn}`))
      await expect.poll(() => statusesOf(client.text).length, { interval: 1 }).toBe(turn + 1)
    }
    client.socket.destroy()
    expect(new Set(statusesOf(client.text))).toEqual(new Set([200]))
    expect(plane.upstream.requests).toHaveLength(100)
  })

  it('serves requests whose bodies come after the head, in pieces', async () => {
    const client = openRaw(plane.port, '')
    for (let turn = 0; turn < 5; turn += 1) {
      client.socket.write(upload('Content-Length: 9'))
      await plane.upstream.until(() => plane.upstream.pendingHeads.length === 1)
      for (const byte of 'abc=defgh') {
        client.socket.write(byte)
        await new Promise(setImmediate)
      }
      await expect.poll(() => statusesOf(client.text).length, { interval: 1 }).toBe(turn + 1)
    }
    client.socket.destroy()
    expect(plane.upstream.requests.map(({ body }) => body.toString())).toEqual(
      Array(5).fill('abc=defgh'),
    )
  })

  it.each([
    ['ends', 'GET', (socket: { end: () => unknown }) => socket.end()],
    ['is reset', 'GET', (socket: { resetAndDestroy: () => unknown }) => socket.resetAndDestroy()],
    ['ends', 'POST', (socket: { end: () => unknown }) => socket.end()],
    ['is reset', 'POST', (socket: { resetAndDestroy: () => unknown }) => socket.resetAndDestroy()],
  ] as const)('that %s during a %s stops the upstream call', async (_how, method, leave) => {
    plane.upstream.respond(() => 'stall')
    const client = openRaw(plane.port, method === 'GET' ? get('a') : post('a=b'))
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    leave(client.socket)
    await expect.poll(() => plane.audit.outcomes.length).toBe(1)
    expect(plane.audit.outcomes).toMatchObject([{ result: 'abandoned', cause: 'client_gone' }])
  })

  it('that ends in the middle of its body stops the upstream call', async () => {
    const client = openRaw(plane.port, upload('Content-Length: 30', 'a=b'))
    await plane.upstream.until(() => plane.upstream.pendingHeads.length === 1)
    client.socket.end()
    await client.closed
    await expect.poll(() => plane.audit.outcomes.length).toBe(1)
    expect(plane.audit.outcomes).toMatchObject([{ result: 'abandoned', requestBytes: 3 }])
    expect(client.text).toBe('')
    expect(plane.upstream.requests).toEqual([])
  })
})

describe('an answer', () => {
  const LENGTHLESS = ['one', 'two']
  async function* pieces() {
    for (const piece of LENGTHLESS) yield await Promise.resolve(piece)
  }

  it('of unknown length comes in chunks, and leaves the connection usable', async () => {
    plane.upstream.respond(({ target }) => (target === '/v1/a' ? { chunks: pieces() } : {}))
    const client = openRaw(plane.port, `${get('a')}${get('b', ['Connection: close'])}`)
    await client.closed
    expect(client.text).toContain('Transfer-Encoding: chunked')
    expect(client.text).toContain('0\r\n\r\nHTTP/1.1 200')
    expect(client.text.replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toContain('onetwo')
  })

  it('of unknown length to HTTP/1.0 ends with the connection, in no chunks', async () => {
    plane.upstream.respond(() => ({ chunks: pieces() }))
    const client = openRaw(plane.port, get('a').replace('HTTP/1.1', 'HTTP/1.0'))
    await client.closed
    expect(client.text).not.toMatch(/transfer-encoding/i)
    expect(client.text).toMatch(/connection: close/i)
    expect(client.text.endsWith('\r\n\r\nonetwo')).toBe(true)
  })

  it.each([204, 304])('of status %i has no body, and the next one follows it', async (status) => {
    plane.upstream.respond(({ target }) => (target === '/v1/a' ? { status } : { body: 'next' }))
    const client = openRaw(plane.port, `${get('a')}${get('b', ['Connection: close'])}`)
    await client.closed
    expect(statusesOf(client.text)).toEqual([status, 200])
    const [first = ''] = client.text.split('\r\n\r\n')
    expect(first).not.toMatch(/transfer-encoding/i)
    expect(client.text).toContain('\r\n\r\nHTTP/1.1 200')
  })

  it('to HEAD has the length and not the body, and the next one follows it', async () => {
    plane.upstream.respond(() => ({ body: 'twelve bytes' }))
    const head = get('a').replace('GET', 'HEAD')
    const client = openRaw(plane.port, `${head}${get('b', ['Connection: close'])}`)
    await client.closed
    expect(client.text.match(/content-length: 12\r\n/gi)).toHaveLength(2)
    expect(client.text.split('twelve bytes')).toHaveLength(2)
    expect(client.text.endsWith('twelve bytes')).toBe(true)
  })

  it('of ours to HEAD has no body either', async () => {
    const head = requestText('HEAD /stripe/v1/a', ['Host: localhost'])
    const client = openRaw(plane.port, `${head}${get('b', ['Connection: close'])}`)
    await client.closed
    expect(statusesOf(client.text)).toEqual([401, 200])
    expect(client.text).toContain('\r\n\r\nHTTP/1.1 200')
  })

  it('leaves event by event', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({ chunks: events }))
    const client = openRaw(plane.port, get('events'))
    for (let turn = 0; turn < 20; turn += 1) {
      events.push(`data: ${turn}\n\n`)
      await client.until(`data: ${turn}\n\n`)
    }
    events.end()
    await client.until('0\r\n\r\n')
    client.socket.destroy()
  })

  it('of ours to an unfinished upload reaches the client, though it goes on sending', async () => {
    const length = 'Content-Length: 50000000'
    const text = requestText('POST /stripe/v1/refunds', [...headers, length], 'a'.repeat(5_000_000))
    const client = openRaw(plane.port, text)
    await client.until('insufficient_scope')
    client.socket.destroy()
  })

  it('of the upstream to an unfinished upload reaches the client whole', async () => {
    const upstream = await startScripted(undefined, { isTls: true })
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(299_999)}y`
    upstream.whenConnected((socket) => socket.once('data', () => socket.write(answer)))
    const { origin: url, ca } = upstream.destination
    const origin = { url, allowPrivateAddress: true, ...(ca !== undefined && { ca }) }
    const early = await startPlane({ services: ['openai'], settings: { origin } })
    early.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
    const auth = [
      'Host: localhost',
      `Authorization: Bearer ${early.issue({ scope: 'openai:write' })}`,
    ]
    const head = requestText('POST /openai/v1/files', [
      ...auth,
      MULTIPART,
      'Content-Length: 50000000',
    ])
    const client = openRaw(early.port, head + 'a'.repeat(5_000_000))
    await client.until('xy')
    client.socket.destroy()
    expect(statusesOf(client.text)).toEqual([200])
    await early.stop()
    await upstream.close()
  })

  it('whose connection closes is whole for a client that is slow to read it', async () => {
    const size = 3_000_000
    plane.upstream.respond(() => ({ body: Buffer.alloc(size, 'x') }))
    const socket = connect(plane.port, '127.0.0.1', () => {
      socket.write(get('a', ['Connection: close']))
    })
    let received = 0
    // Slower than what is given to the end of a connection that has nothing more to say.
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 60)
    })
    await new Promise((resolve) => socket.on('close', resolve))
    expect(received).toBeGreaterThan(size)
  })
})

describe('Expect: 100-continue', () => {
  const expecting = (auth: readonly string[], path = 'customers') =>
    requestText(`POST /stripe/v1/${path}`, [
      ...auth,
      FORM,
      'Expect: 100-continue',
      'Content-Length: 3',
    ])

  it.each([
    ['the token is bad', ['Host: localhost', 'Authorization: Bearer pt_live_x'], 'customers', 401],
    ['there is no token', ['Host: localhost'], 'customers', 401],
    ['the scope is missing', undefined, 'refunds', 403],
  ])('HF-08 is not answered with 100 where %s', async (...[, auth, path, status]) => {
    const client = openRaw(plane.port, expecting(auth ?? headers, path))
    await client.closed
    expect(statusesOf(client.text)).toEqual([status])
    expect(plane.upstream.connections.join('')).not.toContain('POST')
  })

  it('HF-08 is answered with one 100, and then with the answer', async () => {
    const client = openRaw(plane.port, expecting(headers))
    await client.until('HTTP/1.1 100 Continue\r\n\r\n')
    client.socket.write('a=b')
    await client.until('/v1/customers')
    client.socket.destroy()
    expect(statusesOf(client.text)).toEqual([100, 200])
  })

  it('HF-08 gets no 100 in HTTP/1.0, which knows none', async () => {
    const old = `${expecting(headers)}a=b`.replace('HTTP/1.1', 'HTTP/1.0')
    const answer = await exchangeRaw(plane.port, old)
    expect(answer.status).toBe(200)
  })
})

describe('the target', () => {
  it.each([
    ['of our own host', 'http://localhost/stripe/v1/a', 200],
    ['of another host', 'http://other.example/stripe/v1/a', 400],
    ['with a user', 'http://x@localhost/stripe/v1/a', 400],
    ['of another scheme', 'ftp://localhost/stripe/v1/a', 400],
    ['with no path', 'http://localhost', 404],
  ])('HF-06 may be absolute %s: %s', async (_case, target, status) => {
    const answer = await exchangeRaw(plane.port, requestText(`GET ${target}`, headers))
    expect(answer.status).toBe(status)
    expect(plane.upstream.requests).toHaveLength(status === 200 ? 1 : 0)
  })

  it.each(['GET *', 'OPTIONS *', 'CONNECT localhost:443', 'CONNECT /stripe/v1/a', 'GET stripe'])(
    'HF-06 is refused as in %s',
    async (line) => {
      const answer = await exchangeRaw(plane.port, requestText(line, headers))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(plane.upstream.requests).toEqual([])
    },
  )
})

it('HF-12 an upgrade with a body is no upgrade, and its body no other protocol', async () => {
  const upgrade = ['Connection: Upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
  const answer = await exchangeRaw(plane.port, post('a=b', upgrade))
  expect(answer.status).toBe(200)
  expect(plane.upstream.requests[0]?.header('upgrade')).toBeUndefined()
  expect(plane.upstream.requests[0]?.body.toString()).toBe('a=b')
})

describe('HF-04 a body whose framing breaks', () => {
  it('before its answer is a 400, and the upstream sees no end of it', async () => {
    const client = openRaw(plane.port, upload('Transfer-Encoding: chunked', '3\r\na=b\r\n'))
    await plane.upstream.until(() => plane.upstream.count('a=b') === 1)
    client.socket.write('zz\r\n')
    await client.closed
    expect(statusesOf(client.text)).toEqual([400])
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.outcomes).toMatchObject([{ cause: 'request_body_malformed' }])
  })

  it('after its answer has started cuts the answer, which has no end, and the upload', async () => {
    const upstream = await startScripted()
    upstream.whenConnected((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
    })
    const origin = { url: upstream.origin, allowPrivateAddress: true }
    const early = await startPlane({ services: ['openai'], settings: { origin } })
    early.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
    const token = early.issue({ scope: 'openai:write' })
    const auth = ['Host: localhost', `Authorization: Bearer ${token}`, MULTIPART]
    const line = 'POST /openai/v1/files'
    const chunked = requestText(line, [...auth, 'Transfer-Encoding: chunked'], '3\r\na=b\r\n')
    const client = openRaw(early.port, chunked)
    await client.until('half')
    client.socket.write('zz\r\n')
    await client.closed
    expect(statusesOf(client.text)).toEqual([200])
    expect(client.text.endsWith('half')).toBe(true)
    await upstream.until(() => upstream.openCount === 0)
    expect(upstream.connections.join('')).not.toContain('0\r\n\r\n')
    expect(upstream.requests).toEqual([])
    expect(early.audit.outcomes).toMatchObject([
      { result: 'abandoned', cause: 'request_body_malformed', status: 200, responseBytes: 4 },
    ])
    await early.stop()
    await upstream.close()
  })
})
