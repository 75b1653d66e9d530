/** A data plane between proxies: load balancers in front of it, and one on its way out. */

import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { createAuthority } from '../support/pki.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const LOGIN = `alice:${makeKey('hunter-')}`
const UPSTREAM_NAME = 'mock.example'
const FROM_OFFICE = ['--bind', 'cidr=198.51.100.0/24']

let upstream: Upstream
let wayOut: WayOut
let proxy: ProxyProcess

interface WayOut {
  readonly port: number
  readonly heads: string[]
  close(): void
}

/** A proxy that sends whatever it is asked for to the recording upstream. */
async function startWayOut(to: number): Promise<WayOut> {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined)
    client.once('data', (head: Buffer) => {
      heads.push(head.toString('latin1'))
      const through = connect(to, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        client.pipe(through).pipe(client)
      })
      sockets.add(through)
      through.on('error', () => undefined)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as AddressInfo).port, heads, close }
}

beforeAll(async () => {
  const authority = createAuthority()
  const leaf = authority.issue({ names: [UPSTREAM_NAME] })
  upstream = await startUpstream({ respond: respondAsStripe(KEY), authority, leaf })
  wayOut = await startWayOut(upstream.port)
  proxy = await startProxy({
    services: [
      {
        id: 'stripe',
        secret: KEY,
        upstream: { origin: `https://${UPSTREAM_NAME}:8443`, ca: upstream.ca },
      },
    ],
    serveArguments: ['--workers', '2'],
    variables: {
      PROXY_LOGIN: LOGIN,
      APISTRONGHOLD_ENV_SOURCES: '[PROXY_LOGIN]',
      APISTRONGHOLD_UPSTREAM_PROXY_URL: `http://127.0.0.1:${wayOut.port}`,
      APISTRONGHOLD_UPSTREAM_PROXY_CREDENTIAL: 'env:PROXY_LOGIN',
      APISTRONGHOLD_DATA_TRUSTED_PROXIES: '[127.0.0.1]',
    },
  })
})

afterAll(async () => {
  await proxy.stop()
  wayOut.close()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
})

function statusFor(token: string, forwarded: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...forwarded }
    const call = request(`${proxy.url}/stripe/v1/customers`, { agent: false, headers })
    call.once('error', reject).once('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    call.end()
  })
}

describe('a request through the proxy of a network', () => {
  it('reaches its upstream by name, with the login that only this proxy sees', async () => {
    const token = await proxy.issue('stripe:read')
    expect(await statusFor(token)).toBe(200)
    expect(upstream.count(KEY)).toBe(1)
    const basic = Buffer.from(LOGIN).toString('base64')
    expect(wayOut.heads[0]).toBe(
      `CONNECT ${UPSTREAM_NAME}:8443 HTTP/1.1\r\nHost: ${UPSTREAM_NAME}:8443\r\n` +
        `Proxy-Authorization: Basic ${basic}\r\n\r\n`,
    )
    expect(upstream.count(basic)).toBe(0)
    const printed = proxy.serves.map(({ output }) => output.stderr + output.stdout).join('')
    for (const secret of [LOGIN, basic]) expect(printed).not.toContain(secret)
  })
})

describe('the source behind a load balancer', () => {
  it('TK-05 is what the balancer says, and binds a token', async () => {
    const token = (await proxy.issueByCommand('stripe:read', ...FROM_OFFICE)).trim()
    expect(await statusFor(token, { 'x-forwarded-for': '198.51.100.7' })).toBe(200)
    expect(await statusFor(token)).toBe(401)
    expect(await statusFor(token, { 'x-forwarded-for': '203.0.113.9' })).toBe(401)
  })

  it('TK-05 AU-06 is not what a client wrote before it', async () => {
    const token = (await proxy.issueByCommand('stripe:read', ...FROM_OFFICE)).trim()
    expect(await statusFor(token, { 'x-forwarded-for': '198.51.100.7, 203.0.113.9' })).toBe(401)
    expect(await statusFor(token, { 'x-forwarded-for': '198.51.100.7, unknown' })).toBe(401)
    expect(upstream.requests).toEqual([])
  })

  it('AU-06 stands in the audit', async () => {
    const agent = 'forwarded-agent'
    const token = await proxy.issue('stripe:read', { agent })
    await statusFor(token, { 'x-forwarded-for': '1.1.1.1, 203.0.113.77' })
    const [record] = await proxy.audit({ agent, decision: 'allow' })
    expect(record).toMatchObject({ source: '203.0.113.77' })
  })
})
