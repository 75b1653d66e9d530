import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, LOOPBACK_NAMES } from '../../test/support/pki.ts'
import type { DialTarget } from '../base/dial.ts'
import { Failure } from '../base/errors.ts'
import { createDial, type Lookup } from './dial.ts'
import type { UpstreamProxy } from './upstream-proxy.ts'

const authority = createAuthority()
const leaf = authority.issue({ names: ['api.example.com', ...LOOPBACK_NAMES] })
const stops: (() => void)[] = []
/** What the proxy was asked, whole heads. */
let asked: string[]
/** Names that were resolved here. */
let resolved: string[]

beforeEach(() => {
  asked = []
  resolved = []
})
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

async function listen(server: Server): Promise<number> {
  server.on('connection', (socket: Socket) => {
    stops.push(() => socket.destroy())
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => server.close())
  return (server.address() as AddressInfo).port
}

const startUpstream = () =>
  listen(createTlsServer(leaf, (socket) => socket.on('error', () => undefined).write('hello')))

type Answer = (client: Socket, head: string) => void

/** A proxy that answers each CONNECT as told. */
async function startProxy(answer: Answer): Promise<UpstreamProxy> {
  const server = createServer((client) => {
    let head = ''
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      client.off('data', onData)
      asked.push(head)
      answer(client, head)
    }
    client.on('data', onData)
  })
  return { host: '127.0.0.1', port: await listen(server), exempt: [] }
}

/** Connects to this port whatever was asked for, and writes the head in these pieces. */
const relay =
  (
    port: number,
    pieces = ['HTTP/1.1 200 Connection established\r\nVia: 1.1 corp\r\n\r\n'],
  ): Answer =>
  (client) => {
    const upstream = connect(port, '127.0.0.1', () => {
      for (const piece of pieces) client.write(piece)
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => undefined)
    stops.push(() => upstream.destroy())
  }

const say =
  (text: string): Answer =>
  (client) =>
    client.end(text)

const lookup: Lookup = (hostname) => {
  resolved.push(hostname)
  return Promise.resolve([{ address: '127.0.0.1' }])
}

async function dialled(
  proxy: UpstreamProxy,
  overrides: Partial<DialTarget> = {},
): Promise<TLSSocket> {
  const socket = await createDial({ lookup, proxy })({
    protocol: 'https:',
    hostname: 'api.example.com',
    port: 443,
    ca: authority.certificate,
    connectTimeoutMs: 2000,
    ...overrides,
  })
  stops.push(() => socket.destroy())
  if (!(socket instanceof TLSSocket)) throw new Error('no TLS')
  return socket
}

async function failureOf(proxy: UpstreamProxy, overrides?: Partial<DialTarget>): Promise<unknown> {
  return dialled(proxy, overrides).then(
    () => 'connected',
    (error: unknown) => error,
  )
}

const LOGIN = 'Basic YWxpY2U6Y2FuYXJ5'

describe('an upstream behind the proxy of a network', () => {
  it('is reached with CONNECT, verified inside, and its name resolved elsewhere', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    const socket = await dialled(proxy)
    expect(socket.authorized).toBe(true)
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect(asked).toEqual([
      'CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n',
    ])
    expect(resolved).toEqual([])
  })

  it.each([
    ['one byte at a time', Array.from('HTTP/1.0 200 OK\r\nA: b\r\n\r\n')],
    ['without a reason', ['HTTP/1.1 200\r\n\r\n']],
    // RFC 9110 9.3.6: framing fields of this answer mean nothing.
    ['with a length', ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n']],
  ])('is reached when the answer comes %s', async (_case, pieces) => {
    const proxy = await startProxy(relay(await startUpstream(), pieces))
    expect((await dialled(proxy)).authorized).toBe(true)
  })

  it('is reached with the credential that the proxy wants', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    await dialled({ ...proxy, authorization: () => Promise.resolve(LOGIN) })
    expect(asked[0]).toContain(`\r\nProxy-Authorization: ${LOGIN}\r\n`)
  })

  it('is reached by an address as by a name, in brackets where it needs them', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    const servername = 'api.example.com'
    await dialled(proxy, { hostname: '2606:4700::1111', port: 8443, servername })
    expect(asked[0]).toContain('CONNECT [2606:4700::1111]:8443 HTTP/1.1\r\n')
  })

  it('CE-09 is reached through the checked address of a proxy that has a name', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    await dialled({ ...proxy, host: 'proxy.corp' })
    expect(resolved).toEqual(['proxy.corp'])
    const metadata: Lookup = () => Promise.resolve([{ address: '169.254.169.254' }])
    const dial = createDial({ lookup: metadata, proxy: { ...proxy, host: 'proxy.corp' } })
    const target = { protocol: 'https:', hostname: 'api.example.com', port: 443 } as const
    await expect(dial({ ...target, connectTimeoutMs: 2000 })).rejects.toMatchObject({
      code: 'address_forbidden',
    })
  })

  it('is verified all the same', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    expect(await failureOf(proxy, { hostname: 'elsewhere.example' })).toMatchObject({
      code: 'upstream_tls_invalid',
    })
  })

  it.each([
    ['407', 'HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\n\r\n', 'another credential'],
    ['403', 'HTTP/1.1 403 Forbidden\r\n\r\n<html>', 'status 403'],
    ['502', 'HTTP/1.1 502 Bad\r\n\r\n', 'status 502'],
    ['201', 'HTTP/1.1 201 Created\r\n\r\n', 'status 201'],
    ['100', 'HTTP/1.1 100 Continue\r\n\r\n', 'status 100'],
    ['early bytes', 'HTTP/1.1 200 OK\r\n\r\n\x16', 'valid HTTP'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'valid HTTP'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'valid HTTP'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', 'valid HTTP'],
    ['a bare LF', 'HTTP/1.1 200 OK\nA: b\r\n\r\n', 'valid HTTP'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'valid HTTP'],
    ['a head without an end', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(9000)}`, 'valid HTTP'],
    ['nothing', '', 'closed the connection'],
    ['half a head', 'HTTP/1.1 200 OK\r\n', 'closed the connection'],
  ])('is unreachable when the proxy answers %s', async (_case, answer, words) => {
    const proxy = await startProxy(say(answer))
    const failure = await failureOf({ ...proxy, authorization: () => Promise.resolve(LOGIN) })
    expect(failure).toMatchObject({ code: 'upstream_unreachable' })
    expect(String(failure)).toContain(words)
    expect(String(failure)).not.toContain('YWxp')
  })

  it('is unreachable whatever noise the proxy answers', async () => {
    const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
    const words = fc.array(fc.constantFrom('HTTP/1.1 ', '200', ' OK', '\r\n', '\r', ':', 'a', ' '))
    const answers = fc.oneof(
      noise,
      words.map((some) => Buffer.from(some.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(answers, async (answer) => {
        fc.pre(!/^HTTP\/1\.1 200(?: [^\r]*)?\r\n(?:a+:[^\r]*\r\n)*\r\n$/.test(answer.toString()))
        const proxy = await startProxy((client) => client.end(answer))
        expect(await failureOf(proxy)).toMatchObject({ code: 'upstream_unreachable' })
      }),
      { numRuns: 60 },
    )
  })

  it('is unreachable when the credential cannot be had', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    const authorization = () => Promise.reject(new Failure('secret_invalid', 'PROXY is empty'))
    expect(await failureOf({ ...proxy, authorization })).toMatchObject({
      code: 'upstream_unreachable',
      message: 'the credential for the upstream proxy cannot be had',
    })
    expect(asked).toEqual([])
  })

  it('is given up when the proxy takes too long, or the credential', async () => {
    const silent = await startProxy(() => undefined)
    const late = { connectTimeoutMs: 50 }
    expect(await failureOf(silent, late)).toMatchObject({ code: 'upstream_timeout' })
    const authorization = () => new Promise<never>(() => undefined)
    expect(await failureOf({ ...silent, authorization }, late)).toMatchObject({
      code: 'upstream_timeout',
    })
  })

  it('is not dialled directly when there is no proxy', async () => {
    const proxy = await startProxy(say(''))
    const { port } = proxy
    for (const stop of stops.splice(0)) stop()
    expect(await failureOf({ host: '127.0.0.1', port, exempt: [] })).toMatchObject({
      code: 'upstream_unreachable',
    })
    expect(resolved).toEqual([])
  })

  it.each([
    ['169.254.169.254', true],
    ['fd00:ec2::254', true],
    ['metadata.google.internal', true],
    ['metadata.goog', true],
    ['metadata', true],
    ['10.0.0.1', false],
    ['192.168.1.1', false],
    ['models.internal', false],
    ['intranet', false],
    ['printer.local', false],
    ['0x7f000001', true],
    ['2130706433', true],
    ['api.example.com.', true],
    ['api.example.com@10.0.0.1', true],
    ['api.example.com\r\nX: y', true],
    ['::ffff:7f00:1', true],
  ])('CE-08 is never asked for as %s', async (hostname, allowPrivateAddress) => {
    const proxy = await startProxy(relay(await startUpstream()))
    expect(await failureOf(proxy, { hostname, allowPrivateAddress })).toMatchObject({
      code: 'address_forbidden',
    })
    expect(asked).toEqual([])
  })

  it('may be private where the operator said so', async () => {
    const proxy = await startProxy(relay(await startUpstream()))
    const servername = 'api.example.com'
    await dialled(proxy, { hostname: '10.0.0.1', servername, allowPrivateAddress: true })
    await dialled(proxy, { hostname: 'models.internal', servername, allowPrivateAddress: true })
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['by its name', 'api.example.com', 'api.example.com'],
    ['by a suffix', 'api.example.com', '*.example.com'],
    ['by its address', '127.0.0.1', '127.0.0.1'],
    ['as a service of this machine', '127.0.0.1', 'other.example'],
    ['as this machine', 'localhost', 'other.example'],
  ])('is dialled directly when it is exempt %s', async (_case, hostname, rule) => {
    const port = await startUpstream()
    const proxy = { ...(await startProxy(say(''))), exempt: [rule] }
    const socket = await dialled(proxy, { hostname, port, allowPrivateAddress: true })
    expect(socket.authorized).toBe(true)
    expect(asked).toEqual([])
  })

  it.each(['example.com', '*.api.example.com', 'xapi.example.com', '*.ample.com'])(
    'is not exempt by %s',
    async (rule) => {
      const proxy = { ...(await startProxy(relay(await startUpstream()))), exempt: [rule] }
      await dialled(proxy)
      expect(asked).toHaveLength(1)
    },
  )
})
