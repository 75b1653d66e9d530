/**
 * A canary secret and a canary token go through everything that can happen to a request, with the
 * log at its most talkative; then everything that the system wrote is searched for both.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findInDirectory, findSecret, makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Answer, type Upstream } from '../support/upstream.ts'

const SECRET = makeKey('sk_live_')
/** What an agent sends by mistake: it must not be kept either. */
const STRAY_KEY = makeKey('sk_live_')

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let signed: string
/** Everything that a command printed, but for the tokens that `token issue` is asked for. */
const printed: string[] = []
/** Everything that an agent was answered. */
const answered: string[] = []

async function call(path: string, init: RequestInit = {}): Promise<void> {
  const answer = await fetch(`${proxy.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
  }).catch((error: unknown) => error)
  if (!(answer instanceof Response)) return
  const body = await answer.text().catch(() => '')
  answered.push(JSON.stringify([...answer.headers]), body)
}

async function command(...args: readonly string[]): Promise<void> {
  const { stdout, stderr } = await proxy.command(args)
  printed.push(stdout, stderr)
}

async function whileUpstream(answer: Answer, work: () => Promise<void>): Promise<void> {
  upstream.respond(() => answer)
  await work()
  upstream.respond(respondAsStripe(SECRET))
}

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(SECRET) })
  proxy = await startProxy({
    services: [{ id: 'stripe', secret: SECRET, upstream }],
    serveArguments: ['--verbose'],
  })
  token = await proxy.issueByCommand('stripe:read,stripe:write')
  signed = await proxy.issueByCommand('stripe:read', '--format', 'jwt')
  await succeed()
  await beRefused()
  await fail()
  await administer()
  await crash()
  // The imported value's own file is the operator's, not something that the system wrote.
  proxy.directory.write('stripe.secret', 'removed')
}, 120_000)

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

async function succeed(): Promise<void> {
  await call('/stripe/v1/customers')
  await call('/stripe/v1/customers', { headers: { authorization: `Bearer ${signed}` } })
  const form = new URLSearchParams({ email: 'a@b.example', description: `my key is ${STRAY_KEY}` })
  await call('/stripe/v1/customers', { method: 'POST', body: form })
  await call(`/stripe/v1/customers?email=${STRAY_KEY}`, {
    headers: { referer: `http://x/?t=${token}`, 'user-agent': token },
  })
}

async function beRefused(): Promise<void> {
  await call('/stripe/v1/refunds', { method: 'POST', body: 'charge=ch_1' })
  await call(`/stripe/v1/customers?access_token=${token}`)
  await call(`/stripe/v1/${token}/..%2f${STRAY_KEY}`)
  await call('/stripe/v1/customers', { headers: { authorization: `Bearer ${STRAY_KEY}` } })
  await call('/stripe/v1/customers', { headers: { authorization: `Bearer ${token}x` } })
  await call('/stripe/v1/customers', { headers: { 'x-phantom-token': `${token.slice(0, -1)}0` } })
  await call(`/${token}/v1/customers`)
}

async function fail(): Promise<void> {
  await whileUpstream({ status: 500, body: { error: { message: 'broken' } } }, () =>
    call('/stripe/v1/customers'),
  )
  await whileUpstream({ status: 401, body: { error: { message: 'Invalid API Key' } } }, () =>
    call('/stripe/v1/customers'),
  )
  await whileUpstream('reset', () => call('/stripe/v1/customers'))
  await whileUpstream({ raw: 'garbage\r\n\r\n' }, () => call('/stripe/v1/customers'))
  await whileUpstream('stall', () =>
    call('/stripe/v1/customers', { signal: AbortSignal.timeout(500) }),
  )
}

async function administer(): Promise<void> {
  await command('secret', 'set', SECRET)
  await command('token', 'revoke', `${token}x`)
  await command('token', 'inspect', token)
  for (const line of ['secret list', 'token list', 'audit query --json', 'logs', 'status']) {
    await command(...line.split(' '))
  }
  const revoked = await proxy.command(['token', 'revoke', '-', '--json'], signed)
  printed.push(revoked.stdout, revoked.stderr)
}

/** Killed with a request in flight: what is on disk then is all that the next start has. */
async function crash(): Promise<void> {
  upstream.forget()
  await whileUpstream('stall', async () => {
    const inFlight = call('/stripe/v1/customers')
    await upstream.until(() => upstream.requests.length > 0)
    await proxy.restart('SIGKILL')
    await inFlight
  })
  await call('/stripe/v1/customers')
}

const servePrinted = () => proxy.serves.flatMap(({ output }) => [output.stdout, output.stderr])

describe.each([
  ['secret', () => SECRET],
  ['token', () => token],
  ['signed token', () => signed],
  ['key that the agent sent by mistake', () => STRAY_KEY],
])('the canary %s', (kind, canary) => {
  it('CE-11 is in no file that the system wrote', () => {
    expect(findInDirectory(proxy.directory.path, canary())).toEqual([])
  })

  it('CE-11 is in nothing that serve printed, at its most talkative', () => {
    expect(servePrinted().join('').length).toBeGreaterThan(0)
    expect(findSecret(servePrinted().join('\n'), canary())).toEqual([])
  })

  it('CE-12 is in nothing that a command printed', () => {
    expect(printed.join('').length).toBeGreaterThan(0)
    expect(findSecret(printed.join('\n'), canary())).toEqual([])
  })

  it.skipIf(kind.startsWith('key'))('is in nothing that the agent was answered', () => {
    expect(answered.length).toBeGreaterThan(0)
    expect(findSecret(answered.join('\n'), canary())).toEqual([])
  })
})

describe('the operator key', () => {
  it('CE-11 is in its own file and nowhere else', () => {
    const file = join(proxy.stateDirectory, 'keys', 'operator.key')
    const key = readFileSync(file, 'utf8').trim()
    expect(findInDirectory(proxy.directory.path, key)).toEqual([`${file}: plain`])
    expect(findSecret([...servePrinted(), ...printed, ...answered].join('\n'), key)).toEqual([])
  })
})

describe('the search itself', () => {
  it('saw the secret arrive, and finds it in every form that is planted', () => {
    expect(upstream.count(SECRET)).toBeGreaterThan(0)
    const text = `{"k":"${SECRET}"}`
    for (const form of ['utf8', 'utf16le', 'hex', 'base64', 'base64url'] as const) {
      const bytes = form === 'utf16le' ? Buffer.from(text, form) : Buffer.from(text).toString(form)
      const planted = proxy.directory.write(`planted-${form}`, bytes)
      const finds = findInDirectory(proxy.directory.path, SECRET)
      expect(finds.filter((find) => find.startsWith(`${planted}:`))).not.toEqual([])
    }
  })
})
