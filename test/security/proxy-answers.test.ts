/** Answers through the running data plane: streamed as they come, redirects handed back, failures named. */

import { createServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDial } from '../../src/network/dial.ts'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { createChannel } from '../support/channel.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { createAuthority, issueBad, LOOPBACK_NAMES } from '../support/pki.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

const limits = {
  upstream: {
    ...DEFAULT_LIMITS.upstream,
    headTimeoutMs: 3000,
    bodyIdleTimeoutMs: 3000,
    connectTimeoutMs: 5000,
  },
}

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({ services: ['stripe', 'github'], limits })
  plane.credentials.set('github', { secret: 'ghp_Canary0123456789abcdefghijklmnop' })
  token = plane.issue({ scope: 'stripe:read,stripe:write,github:read' })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.upstream.respond(() => ({ body: { ok: true } }))
})

const text = (line: string, ...headers: readonly string[]) =>
  requestText(line, ['Host: door.example:8900', `Authorization: Bearer ${token}`, ...headers])

const get = (target = '/stripe/v1/customers') => exchangeRaw(plane.port, text(`GET ${target}`))

const untilOutcome = async () => {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return plane.audit.outcomes[0]!
}

describe('an answer', () => {
  it('passes as it is, but for the hop', async () => {
    plane.upstream.respond(() => ({
      status: 402,
      headers: {
        'Request-Id': 'req_1',
        'Set-Cookie': ['a=1', 'b=2'],
        'X-Odd': 'caf\xe9',
        Connection: 'keep-alive, X-Hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=5',
        'Proxy-Authenticate': 'Basic',
      },
      body: '{"error":{"message":"no"}}',
    }))
    const answer = await get()
    expect(answer.status).toBe(402)
    expect(answer.body).toBe('{"error":{"message":"no"}}')
    expect(answer.headers.get('request-id')).toBe('req_1')
    expect(answer.headers.get('set-cookie')).toBe('a=1, b=2')
    expect(answer.headers.get('apistronghold-request-id')).toMatch(/^req_/)
    for (const name of ['x-hop', 'proxy-authenticate', 'proxy-status']) {
      expect(answer.headers.has(name)).toBe(false)
    }
    expect(await untilOutcome()).toMatchObject({
      result: 'answered',
      status: 402,
      responseBytes: 26,
    })
  })

  it('leaves event by event, the head before the first one', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({
      headers: { 'content-type': 'text/event-stream' },
      chunks: events,
    }))
    const connection = openRaw(plane.port, text('GET /stripe/v1/customers'))
    await connection.until('\r\n\r\n')
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      expect(connection.text).not.toContain(event)
      events.push(event)
      await connection.until(event)
    }
    expect(plane.audit.outcomes).toEqual([])
    events.end()
    await connection.until('0\r\n\r\n')
    expect(await untilOutcome()).toMatchObject({ result: 'answered', responseBytes: 27 })
    connection.socket.destroy()
  })

  it('waits for a slow client instead of filling the memory', async () => {
    const authority = createAuthority()
    let sent = 0
    const patient = createServer(authority.issue({ names: LOOPBACK_NAMES }), (_asked, response) => {
      const piece = Buffer.alloc(1 << 20, 'x')
      const goOn = () => {
        while (sent < 64) {
          sent += 1
          if (!response.write(piece)) return void response.once('drain', goOn)
        }
        response.end()
      }
      goOn()
    })
    await new Promise<void>((resolve) => patient.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(patient.address() as AddressInfo).port}`
    const origin = { url, ca: authority.certificate, allowPrivateAddress: true }
    const slow = await startPlane({ settings: { origin } })
    const headers = ['Host: a', `Authorization: Bearer ${slow.issue()}`]
    const socket = connect(slow.port, '127.0.0.1', () => {
      socket.write(requestText('GET /v1/customers', headers))
    }).pause()
    // What fits into the sockets on the way leaves; then the upstream is held back.
    let before = -1
    while (sent === 0 || sent !== before) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(sent).toBeLessThan(64)
    await new Promise<void>((resolve) => {
      let tail = ''
      socket.on('data', (chunk: Buffer) => {
        tail = (tail + chunk.subarray(-5).toString('latin1')).slice(-5)
        if (tail === '0\r\n\r\n') resolve()
      })
      socket.resume()
    })
    socket.destroy()
    expect(slow.audit.outcomes).toMatchObject([{ result: 'answered', responseBytes: 64 << 20 }])
    await slow.stop()
    patient.close()
  })

  it.each([204, 304])(
    'of status %i has no body and leaves the connection usable',
    async (status) => {
      plane.upstream.respond(() => ({ status }))
      const connection = openRaw(plane.port, text('GET /stripe/v1/customers'))
      await connection.until(`HTTP/1.1 ${status}`)
      plane.upstream.respond(() => ({ body: 'next' }))
      connection.socket.write(text('GET /stripe/v1/customers'))
      await connection.until('next')
      connection.socket.destroy()
    },
  )

  it('to HTTP/1.0 comes without chunks', async () => {
    plane.upstream.respond(() => ({ chunks: toChunks('one', 'two') }))
    const old = text('GET /stripe/v1/customers').replace('HTTP/1.1', 'HTTP/1.0')
    const connection = openRaw(plane.port, old)
    await connection.closed
    expect(connection.text).toMatch(/\r\n\r\nonetwo$/)
  })

  it.each([301, 302, 303, 307, 308])(
    'CE-06 of status %i is handed back, never followed',
    async (status) => {
      const elsewhere = 'https://files.elsewhere.example/signed?X=1'
      plane.upstream.respond(() => ({ status, headers: { location: elsewhere } }))
      expect((await get()).headers.get('location')).toBe(elsewhere)
      expect(plane.upstream.requests).toHaveLength(1)
    },
  )

  it('turns URLs of its own hosts back to the door', async () => {
    const next = 'https://api.github.com/repositories/42/issues?page=2&x=%2F'
    const last = 'https://api.github.com:443/repositories/42/issues?page=9'
    const raw = 'https://uploads.github.com/repos/a/b/releases/1/assets?name=x'
    const signed = 'https://objects.example/x?sig=1'
    plane.upstream.respond(() => ({
      headers: {
        Link: `<${next}>; rel="next", <${last}>; rel="last", <${signed}>; rel="x"`,
        Location: raw,
      },
    }))
    const { headers } = await get('/github/repos/a/b/issues')
    const door = 'http://door.example:8900/github'
    expect(headers.get('link')).toBe(
      `<${door}/repositories/42/issues?page=2&x=%2F>; rel="next", ` +
        `<${door}/repositories/42/issues?page=9>; rel="last", <${signed}>; rel="x"`,
    )
    expect(headers.get('location')).toBe(
      `${door}/~uploads.github.com/repos/a/b/releases/1/assets?name=x`,
    )
  })

  it('of 401 makes the credential be read again, and passes', async () => {
    plane.upstream.respond(() => ({ status: 401, body: { error: { message: 'expired key' } } }))
    expect((await get()).status).toBe(401)
    expect(plane.reconsidered).toContain('stripe')
  })

  it('may come in interim pieces first, which stay here', async () => {
    const raw =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    plane.upstream.respond(() => ({ raw }))
    expect(await get()).toMatchObject({ status: 200, body: 'ok' })
  })
})

describe('a client that goes away', () => {
  it('takes its upstream request with it', async () => {
    plane.upstream.respond(() => 'stall')
    const connection = openRaw(plane.port, text('GET /stripe/v1/customers'))
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    connection.socket.destroy()
    expect(await untilOutcome()).toMatchObject({ result: 'abandoned', cause: 'client_gone' })
  })

  it('in the middle of an answer as well', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({ chunks: events }))
    const connection = openRaw(plane.port, text('GET /stripe/v1/customers'))
    events.push('first')
    await connection.until('first')
    connection.socket.destroy()
    expect(await untilOutcome()).toMatchObject({ result: 'abandoned', responseBytes: 5 })
  })
})

describe('an upstream that fails', () => {
  it.each([
    ['resets', 'reset', 502, 'upstream_unreachable'],
    ['says nothing', 'stall', 504, 'upstream_timeout'],
    ['answers garbage', { raw: 'SSH-2.0-OpenSSH_9\r\n' }, 502, 'upstream_malformed'],
    [
      'frames its answer twice',
      {
        raw: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      },
      502,
      'upstream_malformed',
    ],
    [
      'has two lengths',
      { raw: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello' },
      502,
      'upstream_malformed',
    ],
    [
      'sends a header of 100 kB',
      { raw: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n` },
      502,
      'upstream_malformed',
    ],
    [
      'switches protocols unasked',
      { raw: 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n' },
      502,
      'upstream_malformed',
    ],
  ] as const)(
    'CE-12 HF-13 and %s is named, and nothing more',
    async (_case, answer, ...[status, cause]) => {
      plane.upstream.respond(() => answer)
      const got = await get()
      expect(got.status).toBe(status)
      const code = status === 504 ? 'upstream_timeout' : 'upstream_unreachable'
      expect(JSON.parse(got.body)).toMatchObject({ status, error: { code, type: 'api_error' } })
      expect(got.headers.get('proxy-status')).toMatch(/^apistronghold; error=[a-z_]+; details="/)
      expect(got.body).not.toMatch(/SSH|aaaa|127\.0\.0\.1|Error|at /)
      expect(got.body).not.toContain(REAL_KEY)
      expect(plane.audit.outcomes).toMatchObject([{ result: 'failed', cause }])
      plane.upstream.respond(() => ({ body: 'clean' }))
      expect((await get()).body).toBe('clean')
    },
  )

  it('in the middle of an answer breaks the connection, so that nobody takes it for whole', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'
    plane.upstream.respond(() => ({ raw: half }))
    const connection = openRaw(plane.port, text('GET /stripe/v1/customers'))
    await connection.until('half')
    await connection.closed
    expect(connection.text.endsWith('half')).toBe(true)
    expect(plane.audit.outcomes).toMatchObject([
      { result: 'failed', cause: 'upstream_timeout', status: 200, responseBytes: 4 },
    ])
  })

  it.each(['expired', 'self-signed', 'wrong name', 'common name only', 'unknown root'] as const)(
    'CE-10 with a certificate that is %s never sees the credential',
    async (kind) => {
      const authority = createAuthority()
      const leaf =
        kind === 'unknown root'
          ? createAuthority().issue({ names: LOOPBACK_NAMES })
          : issueBad(authority, kind)
      const bad = await startPlane({ upstream: { authority, leaf }, limits })
      try {
        const headers = ['Host: a', `Authorization: Bearer ${bad.issue()}`]
        const answer = await exchangeRaw(bad.port, requestText('GET /v1/customers', headers))
        expect(answer).toMatchObject({ status: 502 })
        expect(answer.headers.get('proxy-status')).toContain('tls_certificate_error')
        expect(bad.upstream.connections.map(({ length }) => length)).toEqual(
          bad.upstream.connections.map(() => 0),
        )
        expect(bad.audit.outcomes).toMatchObject([{ cause: 'upstream_tls_invalid' }])
      } finally {
        await bad.stop()
      }
    },
  )

  it('CE-09 is not dialled where its name leads to a private address', async () => {
    const dial = createDial({ lookup: async () => [{ address: '127.0.0.1' }] })
    const strict = await startPlane({ settings: {}, dial, limits })
    try {
      const headers = ['Host: a', `Authorization: Bearer ${strict.issue()}`]
      const answer = await exchangeRaw(strict.port, requestText('GET /v1/customers', headers))
      expect(answer).toMatchObject({ status: 502 })
      expect(strict.audit.outcomes).toMatchObject([{ cause: 'address_forbidden' }])
    } finally {
      await strict.stop()
    }
  })
})

async function* toChunks(...chunks: readonly string[]) {
  yield* chunks
}
