/** Clients that are slow, endless or many: refused with the right words, and nobody else waits. */

import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { drip } from '../support/drip.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

const MULTIPART = 'Content-Type: multipart/form-data; boundary=x'
const SCOPE = 'openai:read,openai:write'
const TIMES = {
  headTimeoutMs: 300,
  bodyIdleTimeoutMs: 300,
  sendIdleTimeoutMs: 300,
  idleConnectionMs: 2_000,
}

async function start(wire: Partial<typeof DEFAULT_LIMITS.wire>): Promise<TestPlane> {
  const plane = await startPlane({
    services: ['openai'],
    limits: { wire: { ...DEFAULT_LIMITS.wire, ...TIMES, ...wire } },
  })
  plane.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
  return plane
}

let plane: TestPlane
let headers: readonly string[]

beforeAll(async () => {
  plane = await start({})
  headers = ['Host: localhost', `Authorization: Bearer ${plane.issue({ scope: SCOPE })}`]
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.upstream.respond(() => ({ body: { ok: true } }))
  plane.forget()
})

const get = (more: readonly string[] = [], target = '/openai/v1/models') =>
  requestText(`GET ${target}`, [...headers, ...more])

const upload = (framing: string, body = '') =>
  requestText('POST /openai/v1/files', [...headers, MULTIPART, framing], body)

const isServed = async () => {
  expect((await exchangeRaw(plane.port, get())).status).toBe(200)
}

describe('AV-01 slowloris', () => {
  it('of heads that drip is a 408, and others are served meanwhile', async () => {
    const clients = Array.from({ length: 200 }, () => {
      const client = openRaw(plane.port, '')
      drip(client.socket, get())
      return client
    })
    await isServed()
    await Promise.all(clients.map(({ closed }) => closed))
    expect(clients.filter(({ text }) => !text.startsWith('HTTP/1.1 408 '))).toEqual([])
    expect(plane.upstream.requests).toHaveLength(1)
  })

  it('of connections that say nothing at all just ends', async () => {
    const clients = Array.from({ length: 50 }, () => openRaw(plane.port, ''))
    await Promise.all(clients.map(({ closed }) => closed))
    expect(clients.map(({ text }) => text).join('')).toBe('')
  })

  it('of bodies that fall silent is a 400, and others are served meanwhile', async () => {
    const clients = Array.from({ length: 30 }, () =>
      openRaw(plane.port, upload('Content-Length: 100', 'abc')),
    )
    await Promise.all([isServed(), ...clients.map(({ closed }) => closed)])
    expect(clients.filter(({ text }) => !text.startsWith('HTTP/1.1 400 '))).toEqual([])
    expect(
      plane.audit.outcomes.filter(({ cause }) => cause === 'request_body_stalled').length,
    ).toBe(30)
  })

  it('of bodies that drip ends with the time for the whole of one', async () => {
    const patient = await start({ totalTimeoutMs: 800 })
    const auth = `Authorization: Bearer ${patient.issue({ scope: SCOPE })}`
    const head = ['Host: localhost', auth, MULTIPART, 'Content-Length: 1000']
    const client = openRaw(patient.port, requestText('POST /openai/v1/files', head))
    drip(client.socket, 'x'.repeat(1000))
    await client.closed
    await patient.stop()
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /)
    expect(patient.upstream.requests).toEqual([])
  })

  it.each(['keep-alive', 'close'])(
    'of a client that does not read its answer ends it (%s), and with it the upstream call',
    async (connection) => {
      plane.upstream.respond(() => ({ body: Buffer.alloc(32 << 20, 'x') }))
      const socket = connect(plane.port, '127.0.0.1', () => {
        socket.write(get([`Connection: ${connection}`]))
      }).pause()
      socket.on('error', () => undefined)
      await expect.poll(() => plane.audit.outcomes.length, { timeout: 10_000 }).toBe(1)
      expect(plane.audit.outcomes).toMatchObject([{ result: 'abandoned', cause: 'client_gone' }])
      plane.upstream.respond(() => ({ body: { ok: true } }))
      await isServed()
      socket.destroy()
    },
  )
})

describe('AV-02 too much of a head', () => {
  it.each([
    [
      'ten thousand fields',
      () => get(Array.from({ length: 10_000 }, (_, at) => `X-${at}: 1`)),
      431,
    ],
    ['a thousand short ones', () => get(Array.from({ length: 1_000 }, () => 'A: 1')), 431],
    ['a field of 64 kB', () => get([`X-Long: ${'x'.repeat(65_536)}`]), 431],
    ['a target of 9 kB', () => get([], `/openai/v1/models?x=${'x'.repeat(9_216)}`), 414],
    ['a target that never ends', () => `GET /${'x'.repeat(100_000)}`, 414],
    ['a thousand cookies', () => get(Array.from({ length: 1_000 }, () => 'Cookie: a=b')), 431],
  ])('as %s is refused', async (_what, request, status) => {
    expect((await exchangeRaw(plane.port, request())).status).toBe(status)
    expect(plane.upstream.requests).toEqual([])
  })
})

describe('AV-03 too much of a body', () => {
  it('as a million chunks of one byte is refused, and no memory goes with it', async () => {
    const chunks = '1\r\nx\r\n'.repeat(1_000_000)
    const answer = await exchangeRaw(plane.port, upload('Transfer-Encoding: chunked', chunks))
    expect(answer.status).toBe(400)
    expect(plane.upstream.requests).toEqual([])
  })

  it('as endless trailers is refused', async () => {
    const trailers = `0\r\n${'X-Trailer: x\r\n'.repeat(100_000)}`
    const answer = await exchangeRaw(plane.port, upload('Transfer-Encoding: chunked', trailers))
    expect(answer.status).toBe(400)
    expect(plane.upstream.requests).toEqual([])
  })

  it('as ten gigabytes announced is refused before they come', async () => {
    const answer = await exchangeRaw(plane.port, upload('Content-Length: 10737418240'))
    expect(answer.status).toBe(413)
  })
})

describe('AV-09 connections', () => {
  it.each([
    ['in all', { connections: 5 }],
    ['from one address', { connectionsPerSource: 5 }],
  ])('are refused above the bound %s, and taken again below it', async (_which, bound) => {
    const small = await start({ ...bound, headTimeoutMs: 20_000 })
    const open = Array.from({ length: 5 }, () => openRaw(small.port, 'GET / HTTP/1.1\r\n'))
    await Promise.all(
      open.map(({ socket }) => new Promise((resolve) => socket.once('ready', resolve))),
    )
    const request = requestText('GET /openai/v1/models', ['Host: localhost'])
    const refused = await Promise.all(
      Array.from({ length: 400 }, () => exchangeRaw(small.port, request)),
    )
    const answered = refused.filter(({ status }) => status !== 0)
    expect(answered.length).toBeGreaterThan(0)
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([503]))
    expect(answered[0]?.headers.get('retry-after')).toBe('1')
    for (const { socket } of open) socket.destroy()
    await expect.poll(async () => (await exchangeRaw(small.port, request)).status).toBe(401)
    await small.stop()
  })

  it('AV-01 of many rounds of abuse leave no memory behind', async () => {
    const round = async () => {
      const big = get(Array.from({ length: 2_000 }, (_, at) => `X-${at}: 1`))
      const chunks = upload('Transfer-Encoding: chunked', '1\r\nx\r\n'.repeat(30_000))
      await Promise.all(
        [big, chunks, get()].flatMap((text) =>
          Array.from({ length: 10 }, () => exchangeRaw(plane.port, text)),
        ),
      )
      globalThis.gc?.()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    for (let turn = 0; turn < 5; turn += 1) await round()
    const before = await round()
    let least = Infinity
    for (let turn = 0; turn < 15; turn += 1) least = Math.min(least, await round())
    expect(least - before).toBeLessThan(32 << 20)
  })
})
