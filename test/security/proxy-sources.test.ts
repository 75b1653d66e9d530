/** Sources in PROXY protocol headers, over real sockets: believed from the balancer, from nobody else. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { createAuthority } from '../support/pki.ts'

const BALANCER = '127.0.0.2'
const OTHER = '127.0.0.1'
const header = (rest: string): Buffer =>
  Buffer.from(`0d0a0d0a000d0a515549540a${rest.replaceAll(' ', '')}`, 'hex')
const OFFICE = header('21 11 000c c6336407 7f000001 d431 01bb')
const STREET = header('21 11 000c cb007109 7f000001 d431 01bb')
const NOBODY = header('20 00 0000')
const NOTHING = Buffer.alloc(0)

const authority = createAuthority()
const tls = authority.issue({ names: ['localhost'] })
const proxies = { trusted: [BALANCER, '198.51.100.200'], sayFirst: true }

let plane: TestPlane
afterEach(() => plane.stop())

function request(token: string, forwarded?: string): string {
  const lines = [
    'GET /stripe/v1/customers HTTP/1.1',
    ...['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close'],
    ...(forwarded === undefined ? [] : [`X-Forwarded-For: ${forwarded}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

const fromOffice = () => plane.issue({ bindings: { cidr: ['198.51.100.0/24'] } })

function open(from: string): Socket {
  const socket = connect({ host: '127.0.0.1', port: plane.port, localAddress: from })
  return socket.on('error', () => undefined).setNoDelay(true)
}

/** The status of the answer; undefined when the connection ends without one. */
async function statusOn(socket: Socket): Promise<number | undefined> {
  let answer = ''
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (answer += chunk.toString()))
  if (!socket.closed) await once(socket, 'close')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]
  return status === undefined ? undefined : Number(status)
}

/** Writes one piece after the other, each in a packet of its own. */
async function send(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function statusFor(from: string, head: Buffer, text: string): Promise<number | undefined> {
  const socket = open(from)
  const answered = statusOn(socket)
  await send(socket, [Buffer.concat([head, Buffer.from(text)])])
  return answered
}

const bytesOf = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]))

describe('a PROXY header', () => {
  beforeEach(async () => {
    plane = await startPlane({ proxies })
  })

  it('TK-05 AU-06 names the source that binds a token and stands in the audit', async () => {
    const token = fromOffice()
    expect(await statusFor(BALANCER, OFFICE, request(token))).toBe(200)
    expect(await statusFor(BALANCER, STREET, request(token))).toBe(401)
    expect(await statusFor(BALANCER, NOBODY, request(token))).toBe(401)
    expect(plane.audit.intents.map(({ access }) => access.source)).toEqual(['198.51.100.7'])
  })

  it.each([
    ['in one packet', (head: Buffer, text: Buffer) => [Buffer.concat([head, text])]],
    ['before the request', (head: Buffer, text: Buffer) => [head, text]],
    ['byte by byte', (head: Buffer, text: Buffer) => [...bytesOf(head), ...bytesOf(text)]],
    [
      'in two parts, the second with the request',
      (head: Buffer, text: Buffer) => [
        head.subarray(0, 13),
        Buffer.concat([head.subarray(13), text]),
      ],
    ],
  ])('is read when it comes %s', async (_case, cut) => {
    const socket = open(BALANCER)
    const answered = statusOn(socket)
    await send(socket, cut(OFFICE, Buffer.from(request(fromOffice()))))
    expect(await answered).toBe(200)
  })

  it.each([
    ['left out by the balancer', BALANCER, NOTHING],
    ['of version 1', BALANCER, Buffer.from('PROXY TCP4 198.51.100.7 127.0.0.1 1 2\r\n')],
    ['too long', BALANCER, header('21 11 ffff')],
    ['sent by anybody else', OTHER, OFFICE],
    ['sent twice', BALANCER, Buffer.concat([OFFICE, OFFICE])],
  ])('AU-06 lets no request through when it is %s', async (_case, from, head) => {
    expect(await statusFor(from, head, request(fromOffice()))).not.toBe(200)
    expect(plane.upstream.requests).toEqual([])
  })

  it('is not asked of others, who speak for themselves', async () => {
    expect(await statusFor(OTHER, NOTHING, request(plane.issue()))).toBe(200)
    expect(plane.audit.intents[0]?.access.source).toBe(OTHER)
  })

  it('AU-06 decides whether X-Forwarded-For is believed', async () => {
    const token = fromOffice()
    const direct = await statusFor(BALANCER, STREET, request(token, '198.51.100.7'))
    expect(direct).toBe(401)
    const proxy = header('21 11 000c c63364c8 7f000001 d431 01bb')
    expect(await statusFor(BALANCER, proxy, request(token, '198.51.100.7'))).toBe(200)
  })
})

it('TK-05 a PROXY header comes before TLS, which is then ended here', async () => {
  plane = await startPlane({ proxies, listeners: [{ host: '127.0.0.1', port: 0, tls }] })
  for (const [head, status] of [
    [OFFICE, 200],
    [STREET, 401],
  ] as const) {
    const socket = open(BALANCER)
    socket.write(head)
    const secured = connectTls({ socket, servername: 'localhost', ca: authority.certificate })
    const answered = statusOn(secured)
    secured.write(request(fromOffice()))
    expect(await answered).toBe(status)
  }
})
