import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createAuthority,
  issueBad,
  LOOPBACK_NAMES,
  type BadLeaf,
  type Leaf,
} from '../../test/support/pki.ts'
import type { Dial, DialTarget } from '../base/dial.ts'
import { createDial, type DialParts, type Lookup } from './dial.ts'

const authority = createAuthority()
const good = authority.issue({ names: LOOPBACK_NAMES })
const stops: (() => void)[] = []

afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  vi.unstubAllEnvs()
})

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, host)
  await once(server, 'listening')
  stops.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** A TLS server that says hello, and the bytes it was ever sent inside the connection. */
async function startTls(leaf: Leaf, options: TlsOptions = {}) {
  const seen: Buffer[] = []
  const server = createTlsServer({ ...leaf, ...options }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => seen.push(chunk))
    socket.write('hello')
  })
  server.on('tlsClientError', () => undefined)
  return { port: await listen(server), seen }
}

/** Listens and never accepts; once its queue of two is full, the kernel drops what arrives. */
async function silence(host: string, port: number): Promise<void> {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
       parentPort.postMessage('listening')
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
     })`,
    { eval: true, workerData: { host, port } },
  )
  stops.push(() => void worker.terminate())
  await once(worker, 'message')
  for (let queued = 0; queued < 2; queued++) {
    const socket = connect({ host, port })
    stops.push(() => socket.destroy())
    await once(socket, 'connect')
    socket.on('error', () => undefined)
  }
}

const at =
  (...addresses: string[]): Lookup =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address })))

const target = (overrides: Partial<DialTarget>): DialTarget => ({
  protocol: 'https:',
  hostname: 'localhost',
  port: 1,
  ca: authority.certificate,
  allowPrivateAddress: true,
  connectTimeoutMs: 5000,
  ...overrides,
})

async function dialled(overrides: Partial<DialTarget>, parts: DialParts = {}): Promise<Socket> {
  const socket = await createDial({ lookup: at('127.0.0.1'), ...parts })(target(overrides))
  stops.push(() => socket.destroy())
  return socket
}

async function dialledTls(overrides: Partial<DialTarget>): Promise<TLSSocket> {
  const socket = await dialled(overrides)
  if (!(socket instanceof TLSSocket)) throw new Error('no TLS')
  return socket
}

/** Whether a new connection took up an old session; ends when the next tickets are there. */
async function isResumed(dial: Dial, where: DialTarget): Promise<boolean> {
  const socket = await dial(where)
  if (!(socket instanceof TLSSocket)) throw new Error('no TLS')
  await once(socket, 'data') // tickets come before it
  const isReused = socket.isSessionReused()
  socket.destroy()
  return isReused
}

/** The failure that a dial ends with, after checking that it tells nothing of the peer. */
async function failureOf(overrides: Partial<DialTarget>, parts?: DialParts): Promise<unknown> {
  const failure: unknown = await dialled(overrides, parts).then(
    () => 'connected',
    (error: unknown) => error,
  )
  expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/BEGIN|subjectaltname/)
  return failure
}

describe('a dialled connection', () => {
  it('is verified TLS that speaks HTTP/1.1', async () => {
    const { port } = await startTls(good, { ALPNProtocols: ['h2', 'http/1.1'] })
    const socket = await dialledTls({ port })
    expect(socket.authorized).toBe(true)
    expect(socket.alpnProtocol).toBe('http/1.1')
    expect(socket.getProtocol()).toBe('TLSv1.3')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
  })

  it('may be TLS 1.2', async () => {
    const { port } = await startTls(good, { maxVersion: 'TLSv1.2' })
    expect((await dialledTls({ port })).getProtocol()).toBe('TLSv1.2')
  })

  it('sends the name, or none for an address, and verifies either', async () => {
    const server = createTlsServer(good, (socket) => socket.end(String(socket.servername)))
    const port = await listen(server)
    const saidTo = async (hostname: string) =>
      String((await once(await dialled({ port, hostname }), 'data'))[0])
    expect(await saidTo('localhost')).toBe('localhost')
    expect(await saidTo('127.0.0.1')).toBe('false')
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('takes up a session of %s again', async (version) => {
    const { port } = await startTls(good, { minVersion: version, maxVersion: version })
    const dial = createDial({ lookup: at('127.0.0.1') })
    const reused: boolean[] = []
    for (let count = 0; count < 4; count++) reused.push(await isResumed(dial, target({ port })))
    expect(reused).toEqual([false, true, true, true])
  })

  it('takes up no session of another name, port or root', async () => {
    const leaf = authority.issue({ names: ['localhost', 'other.example'] })
    const tls = { ticketKeys: randomBytes(48) }
    const { port } = await startTls(leaf, tls)
    const { port: otherPort } = await startTls(leaf, tls)
    const dial = createDial({ lookup: at('127.0.0.1') })
    const resumes = (overrides: Partial<DialTarget>) =>
      isResumed(dial, target({ port, ...overrides }))
    expect(await resumes({})).toBe(false)
    expect(await resumes({ servername: 'other.example' })).toBe(false)
    expect(await resumes({ hostname: 'other.example' })).toBe(false)
    expect(await resumes({ port: otherPort })).toBe(false)
    const ca = authority.certificate + createAuthority().certificate
    expect(await resumes({ ca })).toBe(false)
    expect(await resumes({})).toBe(true)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'keeps no session of %s whose certificate was refused',
    async (version) => {
      const { port } = await startTls(authority.issue({ names: ['elsewhere.example'] }), {
        ...{ minVersion: version, maxVersion: version },
      })
      const dial = createDial({ lookup: at('127.0.0.1') })
      for (let count = 0; count < 3; count++)
        await expect(dial(target({ port }))).rejects.toMatchObject({ code: 'upstream_tls_invalid' })
    },
  )

  it('verifies the name that an operator gave instead of the host', async () => {
    const leaf = authority.issue({ names: ['api.example.com'] })
    const { port } = await startTls(leaf)
    const hostname = 'gateway.example.com'
    await dialled({ port, hostname, servername: 'api.example.com' })
    expect(await failureOf({ port, hostname })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is plain only on this machine', async () => {
    const port = await listen(createServer((socket) => socket.write('hello')))
    const socket = await dialled({ protocol: 'http:', port })
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
  })
})

describe('CE-10 an upstream with bad TLS', () => {
  it.each<BadLeaf>(['expired', 'not yet valid', 'self-signed', 'wrong name', 'common name only'])(
    'is refused: %s',
    async (kind) => {
      const { port, seen } = await startTls(issueBad(authority, kind))
      expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
      expect(seen).toEqual([])
    },
  )

  it('is refused with a good certificate that our roots did not sign', async () => {
    const { port } = await startTls(good)
    const { protocol, hostname, connectTimeoutMs } = target({})
    const publicRoots = { protocol, hostname, port, connectTimeoutMs, allowPrivateAddress: true }
    await expect(createDial({ lookup: at('127.0.0.1') })(publicRoots)).rejects.toMatchObject({
      code: 'upstream_tls_invalid',
    })
    const ca = createAuthority('Another Root').certificate
    expect(await failureOf({ port, ca })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is refused when only its common name fits beside other names', async () => {
    const leaf = authority.issue({ names: ['127.0.0.1'], commonName: 'localhost' })
    const { port } = await startTls(leaf)
    expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is refused when a NUL ends the name early', async () => {
    const { port } = await startTls(authority.issue({ names: ['localhost\0.evil.example'] }))
    expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is refused also with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    for (const kind of ['expired', 'self-signed', 'wrong name'] as const) {
      const { port } = await startTls(issueBad(authority, kind))
      expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
    }
  })

  it('is refused with TLS 1.1', async () => {
    const { port } = await startTls(good, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    })
    expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is refused when it speaks no TLS at all', async () => {
    const port = await listen(createServer((socket) => socket.write('HTTP/1.1 400 Bad\r\n\r\n')))
    expect(await failureOf({ port })).toMatchObject({ code: 'upstream_tls_invalid' })
  })

  it('is refused without TLS anywhere but here', async () => {
    for (const address of ['10.0.0.1', '8.8.8.8'])
      expect(await failureOf({ protocol: 'http:' }, { lookup: at(address) })).toMatchObject({
        code: 'upstream_tls_invalid',
      })
  })

  it('may go without TLS to a private network where it was asked for, and never beyond', async () => {
    const plain = createServer((socket) => void socket.end('hello'))
    const port = await listen(plain)
    const [greeting] = (await once(await dialled({ protocol: 'tcp:', port }), 'data')) as [Buffer]
    expect(String(greeting)).toBe('hello')
    const beyond = failureOf({ protocol: 'tcp:', port }, { lookup: at('8.8.8.8') })
    expect(await beyond).toMatchObject({ code: 'upstream_tls_invalid' })
    const unasked = failureOf({ protocol: 'tcp:', port, allowPrivateAddress: false })
    expect(await unasked).toMatchObject({ code: 'address_forbidden' })
  })

  it('is refused when the operator’s certificates cannot be read', async () => {
    const { port } = await startTls(good)
    const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    expect(await failureOf({ port, ca })).toMatchObject({ code: 'upstream_tls_invalid' })
  })
})

describe('CE-09 a name', () => {
  const name = { hostname: 'api.example.com', allowPrivateAddress: false }

  it.each([
    ['loopback', ['127.0.0.1']],
    ['one address that is private among public ones', ['8.8.8.8', '1.1.1.1', '10.0.0.1']],
    ['a metadata address', ['169.254.169.254']],
    ['a mapped loopback address', ['::ffff:127.0.0.1']],
    ['the unspecified address', ['0.0.0.0']],
    ['something that is no address', ['localhost']],
  ])('with %s is not dialled', async (_case, addresses) => {
    const port = await listen(
      createServer(() => {
        throw new Error('dialled')
      }),
    )
    const failure = await failureOf({ ...name, port }, { lookup: at(...addresses) })
    expect(failure).toMatchObject({ code: 'address_forbidden' })
  })

  it('with a metadata address is not dialled even with permission for private ones', async () => {
    const parts = { lookup: at('127.0.0.1', '169.254.169.254') }
    expect(await failureOf({ allowPrivateAddress: true }, parts)).toMatchObject({
      code: 'address_forbidden',
    })
  })

  it('is resolved once per connection, and what was checked is what is dialled', async () => {
    const { port } = await startTls(authority.issue({ names: [name.hostname] }))
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']]
    const asked: string[] = []
    const lookup: Lookup = async (hostname) => {
      asked.push(hostname)
      return (answers.shift() ?? []).map((address) => ({ address }))
    }
    const dial = createDial({ lookup })
    const near = target({ ...name, port, allowPrivateAddress: true })
    const first = await dial(near)
    stops.push(() => first.destroy())
    expect(first.remoteAddress).toBe('127.0.0.1')
    await expect(dial(near)).rejects.toMatchObject({ code: 'address_forbidden' })
    const third = await dial(near)
    stops.push(() => third.destroy())
    expect(asked).toEqual([name.hostname, name.hostname, name.hostname])
  })

  it.each([
    '2130706433',
    '0x7f.1',
    '127.1',
    'localhost.',
    'a b',
    '',
    'fe80::1%lo',
    '::ffff:127.0.0.1',
  ])('CE-08 spelled %j is not even resolved', async (hostname) => {
    const lookup = () => Promise.reject(new Error('resolved'))
    expect(await failureOf({ hostname }, { lookup })).toMatchObject({
      code: 'address_forbidden',
    })
  })

  it.each(['169.254.169.254', 'fd00:ec2::254', '0.0.0.0'])(
    'CE-08 that is %s is not dialled',
    async (hostname) => {
      expect(await failureOf({ hostname })).toMatchObject({ code: 'address_forbidden' })
    },
  )

  it('is unreachable when it has no address or cannot be resolved', async () => {
    expect(await failureOf({}, { lookup: at() })).toMatchObject({ code: 'upstream_unreachable' })
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    expect(await failureOf({}, { lookup: () => Promise.reject(missing) })).toMatchObject({
      code: 'upstream_unreachable',
      message: 'no connection to the upstream: ENOTFOUND',
    })
  })

  it('is found by the system as well', async () => {
    const { port } = await startTls(good)
    const socket = await createDial()(target({ port, hostname: 'localhost' }))
    stops.push(() => socket.destroy())
    expect(socket.remoteAddress).toBe('127.0.0.1')
  })
})

describe('several addresses', () => {
  it('are tried until one answers', async () => {
    const { port } = await startTls(good)
    const socket = await dialled({ port }, { lookup: at('127.0.0.2', '::1', '127.0.0.1') })
    expect(socket.remoteAddress).toBe('127.0.0.1')
  })

  it('are not waited for when one of them is silent', async () => {
    const { port } = await startTls(good)
    await silence('127.0.0.2', port)
    const parts = { lookup: at('127.0.0.2', '127.0.0.1'), attemptDelayMs: 10 }
    const socket = await dialled({ port }, parts)
    expect(socket.remoteAddress).toBe('127.0.0.1')
  })

  it('are unreachable when none answers', async () => {
    const server = createServer()
    const port = await listen(server)
    server.close()
    expect(await failureOf({ port }, { lookup: at('127.0.0.1', '::1') })).toMatchObject({
      code: 'upstream_unreachable',
      message: 'no connection to the upstream: ECONNREFUSED',
    })
  })
})

describe('an upstream that does not answer', () => {
  it('is given up at the deadline, while it is resolved', async () => {
    const lookup = () => new Promise<never>(() => undefined)
    expect(await failureOf({ connectTimeoutMs: 20 }, { lookup })).toMatchObject({
      code: 'upstream_timeout',
    })
  })

  it('is given up at the deadline, in the middle of TLS', async () => {
    const port = await listen(createServer())
    expect(await failureOf({ port, connectTimeoutMs: 50 })).toMatchObject({
      code: 'upstream_timeout',
    })
  })

  it('is unreachable when it hangs up in the middle of TLS', async () => {
    const port = await listen(createServer((socket) => socket.once('data', () => socket.destroy())))
    expect(await failureOf({ port })).toMatchObject({ code: 'upstream_unreachable' })
  })

  it('is left at once when the caller has gone, and its socket with it', async () => {
    const controller = new AbortController()
    const closed = Promise.withResolvers<undefined>()
    const server = createServer((socket) => {
      socket.resume()
      socket.on('close', () => {
        closed.resolve(undefined)
      })
      controller.abort()
    })
    const port = await listen(server)
    expect(await failureOf({ port, signal: controller.signal })).toMatchObject({
      code: 'upstream_unreachable',
      message: 'no connection to the upstream: given up',
    })
    await closed.promise
  })

  it('is not dialled when the caller had gone before', async () => {
    const port = await listen(
      createServer(() => {
        throw new Error('dialled')
      }),
    )
    expect(await failureOf({ port, signal: AbortSignal.abort() })).toMatchObject({
      code: 'upstream_unreachable',
    })
  })
})
