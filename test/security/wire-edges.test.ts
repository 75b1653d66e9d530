/** The edges of the wire: TLS, and load balancers that say for whom they speak. */

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { request as requestTls } from 'node:https'
import { Duplex } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { drip } from '../support/drip.ts'
import { createAuthority, LOOPBACK_NAMES } from '../support/pki.ts'
import { exchangeRaw, parseAnswer, requestText } from '../support/raw-http.ts'

const authority = createAuthority()
const tls = authority.issue({ names: LOOPBACK_NAMES })
const plain = { host: '127.0.0.1', port: 0 }
const wire = { ...DEFAULT_LIMITS.wire, headTimeoutMs: 900, connections: 40 }

const H2 = { ALPNProtocols: ['h2'] }

const planes: TestPlane[] = []

async function start(
  proxies?: { trusted: string[]; sayFirst: boolean },
  connections = wire.connections,
): Promise<TestPlane> {
  const plane = await startPlane({
    listeners: [plain, { ...plain, tls }],
    limits: { wire: { ...wire, connections } },
    ...(proxies && { proxies }),
  })
  planes.push(plane)
  return plane
}

let direct: TestPlane
let balanced: TestPlane
let announced: TestPlane

beforeAll(async () => {
  direct = await start()
  balanced = await start({ trusted: ['127.0.0.0/8'], sayFirst: false })
  announced = await start({ trusted: ['127.0.0.0/8'], sayFirst: true })
})

afterAll(() => Promise.all(planes.map((plane) => plane.stop())))

beforeEach(() => {
  for (const { audit } of planes) {
    audit.intents.length = 0
    audit.counts.length = 0
  }
})

const headersOf = (plane: TestPlane) => [
  'Host: localhost',
  `Authorization: Bearer ${plane.issue()}`,
  'Connection: close',
]

const get = (plane: TestPlane, more: readonly string[] = []) =>
  requestText('GET /stripe/v1/charges', [...headersOf(plane), ...more])

const sourcesOf = ({ audit }: TestPlane) => audit.intents.map(({ access }) => access.source)

/** Sends the bytes in front, and then the request, on this connection or inside of TLS. */
async function exchangeBehind(
  port: number,
  front: Buffer,
  { request, isSecure }: { request: string; isSecure: boolean },
): Promise<number> {
  const outer = connect(port, '127.0.0.1')
  outer.on('error', () => undefined)
  outer.write(front)
  const ca = authority.certificate
  const socket = isSecure ? connectTls({ socket: outer, ca, servername: 'localhost' }) : outer
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.write(request)
  await new Promise((resolve) => outer.on('close', resolve))
  return parseAnswer(Buffer.concat(chunks).toString('latin1')).status
}

/** A PROXY protocol header, version 2, of an IPv4 connection. */
function proxyHeader(source: readonly number[]): Buffer {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
  return Buffer.concat([
    signature,
    Buffer.from([0x21, 0x11, 0, 12, ...source, 127, 0, 0, 1, 0x30, 0x39, 1, 187]),
  ])
}

/** A connection to the TLS listener, once its handshake is over. */
async function connected({ ports: [, port = 0] }: TestPlane): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: authority.certificate })
  await once(socket, 'secureConnect')
  return socket.on('error', () => undefined)
}

/** The first bytes that a client of TLS says. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read: () => undefined, write: resolve })
    connectTls({ socket: wire, servername: 'localhost' }).on('error', () => undefined)
  })
}

describe('a TLS listener', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('serves a client of %s', async (version) => {
    const [, port = 0] = direct.ports
    const [, authorization = ''] = get(direct).match(/Authorization: (.*)\r/) ?? []
    const answer = await new Promise<number>((resolve, reject) => {
      requestTls(
        {
          port,
          host: '127.0.0.1',
          path: '/stripe/v1/charges',
          headers: { authorization },
          ca: authority.certificate,
          maxVersion: version,
          minVersion: version,
        },
        (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode ?? 0)
          })
        },
      )
        .on('error', reject)
        .end()
    })
    expect(answer).toBe(200)
    expect(sourcesOf(direct)).toEqual(['127.0.0.1'])
  })

  it('speaks no TLS 1.1, and nothing but HTTP/1.1', async () => {
    const [, port = 0] = direct.ports
    const ca = authority.certificate
    const failure = (settings: object) =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ port, host: '127.0.0.1', ca, ...settings }, () => {
          resolve(String(socket.alpnProtocol))
          socket.destroy()
        })
        socket.on('error', () => {
          resolve('refused')
        })
      })
    expect(await failure({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).toBe('refused')
    expect(await failure(H2)).toBe('refused')
    expect(await failure({ ALPNProtocols: ['h2', 'http/1.1'] })).toBe('http/1.1')
  })

  it('AV-01 ends handshakes that never come, and others are served meanwhile', async () => {
    const [, port = 0] = direct.ports
    const silent = Array.from({ length: 30 }, () => connect(port, '127.0.0.1'))
    for (const socket of silent) socket.on('error', () => undefined).resume()
    const closed = silent.map((socket) => new Promise((resolve) => socket.on('close', resolve)))
    const request = get(direct)
    expect(await exchangeBehind(port, Buffer.alloc(0), { request, isSecure: true })).toBe(200)
    await Promise.all(closed)
  })

  it('AV-01 ends a handshake that drips, and others are served meanwhile', async () => {
    const [, port = 0] = direct.ports
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const hello = await clientHello()
    // Whether it ends with a reset depends on what was still under way; `once` would take one for a failure.
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => undefined).resume()
    drip(socket, hello.toString('latin1'), 5)
    const request = get(direct)
    expect(await exchangeBehind(port, Buffer.alloc(0), { request, isSecure: true })).toBe(200)
    await closed
    expect(socket.bytesWritten).toBeGreaterThan(10)
    expect(socket.bytesWritten).toBeLessThan(hello.length)
  })

  it('AV-09 takes no handshake above its bound, and takes one again below it', async () => {
    const small = await start(undefined, 5)
    const open = await Promise.all(Array.from({ length: 5 }, () => connected(small)))
    for (let turn = 0; turn < 3; turn += 1) {
      await expect(connected(small)).rejects.toMatchObject({ code: 'ECONNRESET' })
    }
    const [first, second] = open
    second?.write(get(small))
    expect(String((await once(second!, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    first?.destroy()
    await expect.poll(() => connected(small).then((taken) => taken.authorized, String)).toBe(true)
    for (const socket of open) socket.destroy()
  })

  it('AV-09 gives back what it counted, whatever became of the connection', async () => {
    const [, port = 0] = direct.ports
    for (let turn = 0; turn < 4; turn += 1) {
      const sockets = Array.from({ length: 15 }, () => connect(port, '127.0.0.1'))
      const closed = sockets.map((socket) => {
        socket.on('error', () => undefined).resume()
        return new Promise((resolve) => socket.on('close', resolve))
      })
      for (const socket of sockets) socket.write('no handshake at all\r\n')
      const request = get(direct)
      expect(await exchangeBehind(port, Buffer.alloc(0), { request, isSecure: true })).toBe(200)
      await Promise.all(closed)
    }
    expect((await exchangeRaw(direct.port, get(direct))).status).toBe(200)
  })
})

describe('a certificate that is renewed', () => {
  const served = (socket: TLSSocket) => socket.getPeerX509Certificate()?.toString()
  const asServed = (pem: string) => new X509Certificate(pem).toString()
  const renewed = authority.issue({ names: LOOPBACK_NAMES })

  it('is what the next handshake gets, while what is connected goes on', async () => {
    const plane = await start()
    const before = await connected(plane)
    plane.plane.renewTls(renewed)
    const after = await connected(plane)
    expect(served(before)).toBe(asServed(tls.cert))
    expect(served(after)).toBe(asServed(renewed.cert))
    for (const socket of [before, after]) {
      socket.write(get(plane))
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  it('changes no other rule of the listener', async () => {
    const plane = await start()
    plane.plane.renewTls(renewed)
    const [, port = 0] = plane.ports
    const ca = authority.certificate
    for (const settings of [{ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } as const, H2]) {
      const socket = connectTls({ port, host: '127.0.0.1', ca, ...settings })
      await expect(once(socket, 'secureConnect')).rejects.toThrow()
    }
  })

  it.each([
    ['of another key', { cert: renewed.cert, key: tls.key }],
    ['that is none', { cert: 'no certificate', key: renewed.key }],
    ['whose key is none', { cert: renewed.cert, key: 'no key' }],
  ])('is refused %s, and the former one stays', async (_which, pair) => {
    const plane = await start()
    expect(() => {
      plane.plane.renewTls(pair)
    }).toThrow()
    expect(served(await connected(plane))).toBe(asServed(tls.cert))
  })
})

describe('the source', () => {
  const forwarded = ['X-Forwarded-For: 198.51.100.7, 203.0.113.9']

  it('is the connection’s, whatever a client writes', async () => {
    await exchangeRaw(direct.port, get(direct, forwarded))
    expect(sourcesOf(direct)).toEqual(['127.0.0.1'])
  })

  it('is what a trusted proxy wrote last', async () => {
    await exchangeRaw(balanced.port, get(balanced, forwarded))
    expect(sourcesOf(balanced)).toEqual(['203.0.113.9'])
  })

  it.each([
    ['plaintext', false],
    ['TLS', true],
  ])('is what the PROXY protocol says, in front of %s', async (_what, isSecure) => {
    const port = announced.ports[isSecure ? 1 : 0] ?? 0
    const request = get(announced, forwarded)
    const status = await exchangeBehind(port, proxyHeader([192, 0, 2, 44]), { request, isSecure })
    expect(status).toBe(200)
    expect(sourcesOf(announced)).toEqual(['192.0.2.44'])
  })

  it('stands in what is counted of malformed requests too', async () => {
    const request = 'GET / HTTP/1.1\r\n\r\n'
    const front = proxyHeader([192, 0, 2, 45])
    const status = await exchangeBehind(announced.port, front, { request, isSecure: false })
    expect(status).toBe(400)
    expect(announced.audit.counts).toMatchObject([{ source: '192.0.2.45' }])
  })

  it('AV-01 must be said first and in time where it is promised', async () => {
    const nothing = { request: '', isSecure: false }
    expect(await exchangeBehind(announced.port, Buffer.alloc(0), nothing)).toBe(0)
    const request = get(announced)
    const unannounced = { request, isSecure: false }
    expect(await exchangeBehind(announced.port, Buffer.alloc(0), unannounced)).toBe(0)
    expect(announced.audit.intents).toEqual([])
  })
})
