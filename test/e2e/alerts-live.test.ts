/** From a request to an alert on a running server with workers: what leaks, what is new, and a restart between. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AlertView } from '../../sdk/src/client.ts'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const WORKERS = ['--workers', '2']
const LEARNING_REQUESTS = 10

let upstream: Upstream
let receiver: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  receiver = await startUpstream({ respond: () => ({ status: 204 }) })
  proxy = await startProxy({
    services: [{ id: 'stripe', secret: KEY, upstream }],
    serveArguments: WORKERS,
    variables: { HOOK_SECRET },
  })
  const path = join(proxy.directory.path, 'apistronghold.yaml')
  const caFile = proxy.directory.write('receiver.pem', receiver.ca)
  const alerts = `
    env_sources: [HOOK_SECRET]
    alerts:
      actions: {exfiltration: suspend_token, new_operation: disable_agent}
      learning: {time: 1s, requests: ${LEARNING_REQUESTS}}
      targets:
        - type: webhook
          url: ${receiver.origin}/alerts
          secret: env:HOOK_SECRET
          allow_private_address: true
          ca_file: ${caFile}
`
  writeFileSync(path, `${readFileSync(path, 'utf8').trimEnd()}${alerts}`)
  await proxy.restart('SIGTERM')
})

afterAll(async () => {
  await proxy.stop()
  await Promise.all([upstream.close(), receiver.close()])
})

async function call(token: string, line: string, body?: string): Promise<number> {
  const [method = 'GET', path = ''] = line.split(' ')
  const headers = { authorization: `Bearer ${token}`, connection: 'close' }
  const init = { method, headers, ...(body !== undefined && { body: new URLSearchParams(body) }) }
  const answer = await fetch(`${proxy.url}/stripe${path}`, init)
  await answer.arrayBuffer()
  return answer.status
}

const alertsOf = async (agent: string): Promise<readonly AlertView[]> =>
  (await proxy.client().alerts.list({ agent })).items

const delivered = (agent: string) =>
  receiver.requests
    .map(({ body }) => JSON.parse(body.toString()) as { data: { alert: AlertView } })
    .filter(({ data }) => data.alert.agent === agent)

const scopes = 'stripe:read,stripe:write'

describe('a service that sends back the key that it was given', () => {
  it('CE-01 raises one alert that reaches its receiver, and the agent never sees the key', async () => {
    const agent = 'echo-reader'
    const { token } = await proxy.client().tokens.issue({ agent, scopes })
    upstream.respond((request) => ({ body: { given: request.header('authorization') } }))
    const headers = { authorization: `Bearer ${token}`, connection: 'close' }
    const answer = await fetch(`${proxy.url}/stripe/v1/customers`, { headers })
    const body = await answer.text()
    upstream.respond(respondAsStripe(KEY))
    expect([answer.status, JSON.parse(body)]).toEqual([
      200,
      { given: `Bearer ${'*'.repeat(KEY.length)}` },
    ])
    await vi.waitFor(() => {
      expect(delivered(agent).map(({ data }) => data.alert.rule)).toEqual(['credential_echo'])
    }, 20_000)
    expect(await alertsOf(agent)).toMatchObject([{ rule: 'credential_echo', agent }])
    expect(receiver.count(KEY)).toBe(0)
  })
})

describe('a token or a key inside a request', () => {
  it.each<[string, (own: string) => string]>([
    ['its phantom token', (own) => `description=${own}`],
    ['the real key itself', () => `description=${KEY}`],
    ["another vendor's key", () => `description=${makeKey('ghp_')}`],
  ])(
    'CE-15 raises one alert, with its reason, when it is %s, and ends the token',
    async (what, body) => {
      const agent = what.replaceAll(/[^a-z]+/g, '-')
      const { token } = await proxy.client().tokens.issue({ agent, scopes })
      const sent = Array.from({ length: 5 }, () => call(token, 'POST /v1/customers', body(token)))
      await Promise.all(sent)
      await vi.waitFor(async () => {
        expect(await call(token, 'GET /v1/customers')).toBe(401)
      }, 10_000)
      const [alert, ...more] = await alertsOf(agent)
      expect([alert, more]).toMatchObject([
        { rule: 'exfiltration', agent, score: expect.any(Number) as number },
        [],
      ])
      expect(alert?.reason).toMatch(/body/)
      await vi.waitFor(() => {
        expect(delivered(agent)).toHaveLength(1)
      }, 10_000)
      expect(JSON.stringify([alert, delivered(agent)])).not.toContain(token)
      expect(JSON.stringify([alert, delivered(agent)])).not.toContain(KEY)
    },
  )
})

it('CE-15 ends every token of an agent that leaks, and tells of it once', async () => {
  const agent = 'two-tokens'
  const issue = async () => (await proxy.client().tokens.issue({ agent, scopes })).token
  const [first, second, third] = [await issue(), await issue(), await issue()]
  for (const [token, leak] of [
    [first, first],
    [second, KEY],
  ] as const) {
    await call(token, 'POST /v1/customers', `description=${leak}`)
    await vi.waitFor(async () => {
      expect(await call(token, 'GET /v1/customers')).toBe(401)
    }, 10_000)
  }
  expect(await call(third, 'GET /v1/customers')).toBe(200)
  expect(await alertsOf(agent)).toMatchObject([{ rule: 'exfiltration', actions: [{}, {}] }])
  await vi.waitFor(() => {
    expect(delivered(agent)).toHaveLength(1)
  }, 10_000)
})

it('CE-15 a suspended token stays so over a restart, and goes on everywhere once it is resumed', async () => {
  const agent = 'false-alarm'
  const { token, id } = await proxy.client().tokens.issue({ agent, scopes })
  const timesCalled = async (times: number) =>
    new Set(
      await Promise.all(Array.from({ length: times }, () => call(token, 'GET /v1/customers'))),
    )
  await call(token, 'POST /v1/customers', `description=${token}`)
  await vi.waitFor(async () => {
    expect(await call(token, 'GET /v1/customers')).toBe(401)
  }, 10_000)
  await proxy.restart('SIGKILL', WORKERS)
  expect(await timesCalled(8)).toEqual(new Set([401]))
  expect(await proxy.commandWell(['token', 'list', '--agent', agent])).toMatch(/ suspended /)
  const resumed = await proxy.commandWell(['token', 'resume', id, '--reason', 'our own test'])
  expect(resumed).toContain('is live: nothing suspends it')
  expect(await timesCalled(8)).toEqual(new Set([200]))
  await vi.waitFor(async () => {
    const changes = await proxy.audit({ action: 'token.' })
    const own = changes.filter(({ target }) => target === id)
    expect(own.map(({ action, operator }) => [action, operator])).toEqual([
      ['token.issue', expect.any(String)],
      ['token.suspend', 'system'],
      ['token.resume', expect.any(String)],
    ])
  }, 10_000)
  const refusals = await proxy.audit({ agent, reason: 'token_suspended' })
  expect(refusals.length).toBeGreaterThan(8)
})

describe('what an agent does usually', () => {
  it('is learnt from all workers and known after a restart; what is new is told once, and acts', async () => {
    const agent = 'orders'
    const { token } = await proxy.client().tokens.issue({ agent, scopes })
    for (let times = 0; times < LEARNING_REQUESTS + 5; times++) {
      expect(await call(token, 'GET /v1/customers')).toBe(200)
      await call(token, 'POST /v1/charges', 'amount=1&currency=eur')
    }
    await vi.waitFor(async () => {
      const { journal, index } = await proxy.client().audit.status()
      expect([journal.writable, index.behindBytes]).toEqual([true, 0])
    }, 10_000)
    await proxy.restart('SIGKILL', WORKERS)
    for (let times = 0; times < 5; times++) {
      expect(await call(token, 'GET /v1/customers')).toBe(200)
      expect(await call(token, 'POST /v1/charges', 'amount=1&currency=eur')).toBe(200)
    }
    expect(await alertsOf(agent)).toEqual([])
    await call(token, 'POST /v1/customers', 'email=a@example.com')
    await vi.waitFor(async () => {
      expect(await call(token, 'GET /v1/customers')).toBe(401)
    }, 10_000)
    expect(await alertsOf(agent)).toMatchObject([
      { rule: 'new_operation', reason: expect.stringContaining('POST /v1/customers') as string },
    ])
    await expect(proxy.client().tokens.issue({ agent, scopes })).rejects.toMatchObject({
      code: 'agent_disabled',
    })
  })
})
