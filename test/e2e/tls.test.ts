/** Both planes over TLS: what agents and operators need for it, and certificates that are replaced. */

import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { REPOSITORY, runWell } from '../support/command.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { createAuthority, type Leaf } from '../support/pki.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const authority = createAuthority()
const issue = (): Leaf => authority.issue({ names: ['localhost'] })

let upstream: Upstream
let files: TemporaryDirectory
let proxy: ProxyProcess

beforeAll(async () => {
  files = createTemporaryDirectory()
  files.write('ca.pem', authority.certificate)
  place('data', issue())
  place('control', issue())
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({
    services: [{ id: 'stripe', secret: KEY, upstream }],
    ca: authority.certificate,
    variables: {
      APISTRONGHOLD_DATA_TLS_CERT_FILE: join(files.path, 'data.pem'),
      APISTRONGHOLD_DATA_TLS_KEY_FILE: join(files.path, 'data.key'),
      APISTRONGHOLD_CONTROL_TLS_CERT_FILE: join(files.path, 'control.pem'),
      APISTRONGHOLD_CONTROL_TLS_KEY_FILE: join(files.path, 'control.key'),
    },
  })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
  files.remove()
})

/** Puts a pair where a plane reads it, each file at once. */
function place(plane: 'data' | 'control', { cert, key }: Partial<Leaf>): void {
  for (const [end, text] of Object.entries({ pem: cert, key })) {
    if (text === undefined) continue
    const path = join(files.path, `${plane}.${end}`)
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
}

const portOf = (url: string) => Number(new URL(url).port)

async function connected(url: string): Promise<TLSSocket> {
  const socket = connect({
    ...{ host: '127.0.0.1', port: portOf(url), servername: 'localhost' },
    ca: authority.certificate,
  })
  await once(socket, 'secureConnect')
  return socket
}

async function servedAt(url: string): Promise<string> {
  const socket = await connected(url)
  const served = socket.getPeerX509Certificate()?.toString() ?? ''
  socket.destroy()
  return served
}

const asServed = ({ cert }: Leaf) => new X509Certificate(cert).toString()

async function untilServed(url: string, leaf: Leaf): Promise<void> {
  const deadline = Date.now() + 20_000
  while ((await servedAt(url)) !== asServed(leaf)) {
    if (Date.now() > deadline) throw new Error(`still the former certificate:\n${logText()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

async function untilLogged(words: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!logText().includes(words)) {
    if (Date.now() > deadline) throw new Error(`never logged:\n${logText()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

const logText = () => proxy.serves.at(-1)?.output.stderr ?? ''

/** What an agent of the README does, with the variables that `--print-env` gave it. */
const AGENT = `
  import Stripe from 'stripe'
  const { hostname: host, port, protocol } = new URL(process.env.PROXY_URL)
  const stripe = new Stripe(process.env.PHANTOM_TOKEN, {
    host, port, protocol: protocol.replace(':', ''), maxNetworkRetries: 0,
  })
  try {
    const charge = await stripe.charges.create({ amount: 1999, currency: 'eur', source: 'tok_visa' })
    console.log(charge.id)
  } catch (error) {
    console.log(error.type)
  }`

async function runAgent(variables: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', AGENT],
    { cwd: REPOSITORY, env: { PATH: process.env.PATH, ...variables } },
  )
  return stdout.trim()
}

async function printedVariables(): Promise<Record<string, string>> {
  const printed = await proxy.issueByCommand('stripe:write', '--print-env')
  return Object.fromEntries(
    printed
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

describe('an agent', () => {
  it('gets an https URL with a name that its certificate carries, and works with it', async () => {
    const variables = await printedVariables()
    expect(variables.PROXY_URL).toBe(`https://localhost:${proxy.port}`)
    const NODE_EXTRA_CA_CERTS = join(files.path, 'ca.pem')
    expect(await runAgent({ ...variables, NODE_EXTRA_CA_CERTS })).toBe('ch_fake1')
    const token = variables.PHANTOM_TOKEN ?? ''
    expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
  })

  it('that does not know the authority sends nothing', async () => {
    upstream.forget()
    expect(await runAgent(await printedVariables())).toBe('StripeConnectionError')
    expect(upstream.requests).toEqual([])
  })

  it('that speaks plain HTTP gets no answer', async () => {
    const call = fetch(`http://127.0.0.1:${proxy.port}/-/live`)
    await expect(call).rejects.toThrow('fetch failed')
  })
})

describe('an operator', () => {
  it('on this machine needs no authority: the certificate itself is known', async () => {
    const status = JSON.parse(await proxy.commandWell(['status', '--json'])) as object
    expect(status).toMatchObject({ running: true, ready: true, data: proxy.url })
    expect(status).toMatchObject({ control: `https://127.0.0.1:${portOf(proxy.control)}` })
    expect(await proxy.commandWell(['token', 'list'])).toContain('order-agent')
  })

  it('elsewhere names the authority once', async () => {
    const url = `https://localhost:${portOf(proxy.control)}`
    const key = readFileSync(join(proxy.stateDirectory, 'keys', 'operator.key'), 'utf8')
    const refused = await proxy.command(['login', url], key)
    expect(refused.code).toBe(3)
    expect(refused.stderr).toContain('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    const ca = join(files.path, 'ca.pem')
    await proxy.commandWell(['login', url, '--ca', ca], key)
    const directory = join(files.path, 'elsewhere')
    mkdirSync(directory)
    const home = join(proxy.directory.path, 'home', 'config')
    const loggedIn = { directory, environment: { XDG_CONFIG_HOME: home } }
    expect(await runWell(['token', 'list'], loggedIn)).toContain('order-agent')
    const environment = {
      APISTRONGHOLD_URL: url,
      APISTRONGHOLD_OPERATOR_KEY: key.trim(),
      APISTRONGHOLD_CA_FILE: '../ca.pem',
    }
    expect(await runWell(['token', 'list'], { directory, environment })).toContain('order-agent')
  })

  it.each([
    ['no certificate', 'data.key', 'holds no certificate in PEM'],
    ['no file', 'missing.pem', 'cannot be read (ENOENT)'],
  ])('is told when the named authority is %s', async (_case, name, words) => {
    const args = ['login', 'https://localhost:1', '--ca', join(files.path, name)]
    const refused = await proxy.command(args, `${makeKey('ok_live_')}abcd`)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(words) as unknown })
  })

  it('hears from the doctor how long certificates last', async () => {
    const { stdout } = await proxy.command(['doctor'])
    expect(stdout).toMatch(/look.*data plane TLS.*expires soon/)
    expect(stdout).toContain('control plane TLS')
  })
})

describe('a certificate', () => {
  it('is replaced on SIGHUP, while what is connected goes on', async () => {
    const [data, control] = [issue(), issue()]
    const open = await connected(proxy.url)
    place('data', data)
    place('control', control)
    process.kill(proxy.pid, 'SIGHUP')
    await untilServed(proxy.url, data)
    await untilServed(proxy.control, control)
    open.write('GET /-/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(String((await once(open, 'data'))[0])).toContain('HTTP/1.1 200')
    expect(await proxy.commandWell(['status'])).toContain('running')
  })

  it('is replaced when its files change, without a signal', async () => {
    const [data, control] = [issue(), issue()]
    place('data', data)
    place('control', control)
    await untilServed(proxy.url, data)
    await untilServed(proxy.control, control)
    expect(await proxy.commandWell(['status'])).toContain('running')
  })

  it('stays when the new one does not fit its key', async () => {
    const before = await servedAt(proxy.url)
    place('data', { cert: issue().cert })
    process.kill(proxy.pid, 'SIGHUP')
    await untilLogged('tls_not_renewed')
    expect(await servedAt(proxy.url)).toBe(before)
    expect(logText()).toContain('does not belong to the certificate')
    expect(logText()).not.toContain('PRIVATE KEY')
  })
})
