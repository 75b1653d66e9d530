import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { aNotice } from '../../test/support/alerts.ts'
import { createAuthority, LOOPBACK_NAMES } from '../../test/support/pki.ts'
import { skipUnless, skipWithout } from '../../test/support/skip.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import { createSendDatagram } from '../network/datagram.ts'
import { createDial } from '../network/dial.ts'
import { createSyslog, type SyslogPlace, type SyslogTarget } from './syslog.ts'
import { formatSyslog, frameSyslog } from './syslog-message.ts'

const origin = { hostname: 'proxy-1', pid: 4711 }
const never = new AbortController().signal
const notice = aNotice()
const MESSAGE = formatSyslog(notice, origin)

function aSyslog(place: SyslogPlace, overrides: Partial<SyslogTarget> = {}) {
  return createSyslog({
    ...{ name: 'syslog', wants: { minScore: 0 }, place, ca: undefined, origin },
    ...{ dial: createDial(), sendDatagram: createSendDatagram() },
    ...{ allowPrivateAddress: true, timeoutMs: 3000 },
    ...overrides,
  })
}

async function listen(server: Server, at: { port: number; host: string } | { path: string }) {
  const sockets: Socket[] = []
  const received: Buffer[] = []
  server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined).on('data', (bytes: Buffer) => received.push(bytes))
  })
  server.listen(at)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port = 0 } = (server.address() as AddressInfo | null) ?? {}
  return { port, text: () => Buffer.concat(received).toString() }
}

describe('syslog', () => {
  it('over UDP is one message in one datagram', async () => {
    const socket = createSocket('udp4')
    onTestFinished(() => void socket.close())
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const message = once(socket, 'message')
    const place = { transport: 'udp', host: '127.0.0.1', port: socket.address().port } as const
    expect(await aSyslog(place).deliver(notice, never)).toMatchObject({ ok: true })
    expect(String((await message)[0])).toBe(MESSAGE)
  })

  it('over TCP is framed by its length', async () => {
    const { port, text } = await listen(createServer(), { port: 0, host: '127.0.0.1' })
    const place = { transport: 'tcp', host: '127.0.0.1', port } as const
    expect(await aSyslog(place).deliver(notice, never)).toMatchObject({ ok: true })
    expect(text()).toBe(frameSyslog(MESSAGE))
  })

  it('counts as delivered also where the listener keeps the connection', async () => {
    const server = createServer({ allowHalfOpen: true })
    const { port, text } = await listen(server, { port: 0, host: '127.0.0.1' })
    const place = { transport: 'tcp', host: '127.0.0.1', port } as const
    expect(await aSyslog(place).deliver(notice, never)).toMatchObject({ ok: true })
    expect(text()).toBe(frameSyslog(MESSAGE))
  })

  it('over TLS goes only to who has the right certificate', async () => {
    const authority = createAuthority()
    const leaf = authority.issue({ names: LOOPBACK_NAMES })
    const received: Buffer[] = []
    const server = createTlsServer(leaf, (socket) => {
      socket.on('error', () => undefined).on('data', (bytes: Buffer) => received.push(bytes))
    })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const place = { transport: 'tls', host: '127.0.0.1', port } as const
    const ca = authority.certificate
    expect(await aSyslog(place, { ca }).deliver(notice, never)).toMatchObject({ ok: true })
    expect(Buffer.concat(received).toString()).toBe(frameSyslog(MESSAGE))
    const other = createAuthority().certificate
    expect(await aSyslog(place, { ca: other }).deliver(notice, never)).toMatchObject({
      ok: false,
      error: { problem: expect.stringContaining('TLS was refused') as string },
    })
  })

  it('on a stream socket of this machine is one line', async () => {
    const directory = createTemporaryDirectory()
    onTestFinished(() => {
      directory.remove()
    })
    const path = `${directory.path}/log`
    const { text } = await listen(createServer(), { path })
    const place = { transport: 'unix', path } as const
    expect(await aSyslog(place).deliver(notice, never)).toMatchObject({ ok: true })
    expect(text()).toBe(`${MESSAGE}\n`)
  })

  it.skipIf(skipWithout('python3') || skipUnless(existsSync('/usr/bin/logger'), 'no logger here'))(
    'on a datagram socket of this machine is handed over by logger',
    async () => {
      const directory = createTemporaryDirectory()
      const path = `${directory.path}/log`
      const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
print(s.recv(65536).decode(), flush=True)`
      const listener = spawn('python3', ['-c', script, path])
      onTestFinished(() => {
        listener.kill()
        directory.remove()
      })
      let printed = ''
      listener.stdout.on('data', (bytes: Buffer) => (printed += String(bytes)))
      await vi.waitFor(() => {
        expect(printed).toContain('ready\n')
      })
      const place = { transport: 'unix', path } as const
      expect(await aSyslog(place).deliver(notice, never)).toEqual({ ok: true, value: undefined })
      await vi.waitFor(() => {
        expect(printed).toMatch(/\n<83>.*apistronghold.*: {"type":"alert.raised"/)
      })
    },
  )

  it.each<[string, SyslogPlace, Partial<SyslogTarget>, string]>([
    ['nobody listens', { transport: 'tcp', host: '127.0.0.1', port: 1 }, {}, 'ECONNREFUSED'],
    ['there is no socket', { transport: 'unix', path: '/nowhere/log' }, {}, 'ENOENT'],
    [
      'the address is private',
      { transport: 'udp', host: '10.0.0.1', port: 514 },
      { allowPrivateAddress: false },
      'the target has an address that is private: allow_private_address permits that',
    ],
    ['the address is public', { transport: 'tcp', host: '8.8.8.8', port: 514 }, {}, 'without TLS'],
  ])('CE-08 says why it cannot: %s', async (...row) => {
    const [, place, overrides, problem] = row
    const sent = await aSyslog(place, overrides).deliver(notice, never)
    expect(sent.ok ? '' : sent.error.problem).toContain(problem)
  })

  it('is given up at the deadline', async () => {
    const dial: SyslogTarget['dial'] = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new Error('aborted'))
        })
      })
    const place = { transport: 'tls', host: 'logs.example', port: 6514 } as const
    const sent = await aSyslog(place, { dial, timeoutMs: 30 }).deliver(notice, never)
    expect(sent).toEqual({ ok: false, error: { problem: 'it took too long' } })
  })
})
