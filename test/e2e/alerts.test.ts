/**
 * From a finding to people and back: the real data plane, control plane and command line, with the
 * desk and the courier between them and targets that listen on sockets.
 */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startApi, type RunningApi } from '../../src/api/server.ts'
import { silentLog } from '../../src/base/log.ts'
import { soleGate } from '../../src/fleet/gates.ts'
import type { AlertAction, KeyedFinding } from '../../src/insight/alert.ts'
import type { AnomalyRule } from '../../src/insight/watch.ts'
import { createAlertDesk, type AlertDesk } from '../../src/jobs/alert-desk.ts'
import { createCourier, type Courier } from '../../src/jobs/courier.ts'
import { createPost } from '../../src/jobs/post.ts'
import { createWebhook } from '../../src/jobs/webhook.ts'
import { createDial } from '../../src/network/dial.ts'
import { Secret } from '../../src/secret/secret.ts'
import { parseWebhookUrl } from '../../src/secret/webhook-url.ts'
import { createMemoryAlertStores } from '../support/alert-stores.ts'
import { aFinding } from '../support/alerts.ts'
import { createTestApi, type TestApi } from '../support/api.ts'
import { run, type Finished } from '../support/command.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const HOUR = 3_600_000
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const ACTIONS = new Map<AnomalyRule, AlertAction>([
  ['exfiltration', 'suspend_token'],
  ['two_places', 'disable_agent'],
])

let api: TestApi
let running: RunningApi
let plane: TestPlane
let desk: AlertDesk
let courier: Courier
let receiver: Upstream
let hanging: Upstream
let directory: TemporaryDirectory

beforeAll(async () => {
  const now = Date.now
  directory = createTemporaryDirectory()
  const { outbox, ...kept } = createMemoryAlertStores()
  const testAlerts = () => courier.test()
  api = await createTestApi({ now, testAlerts }, (all) => ({ ...all, ...kept }))
  const { stores, gate } = api
  running = await startApi({ app: api.app, listen: { host: '127.0.0.1', port: 0 } })
  plane = await startPlane({ grants: stores.grants, gate, digest: api.parts.digestOf, now })
  receiver = await startUpstream({ respond: () => ({ status: 204 }) })
  hanging = await startUpstream({ respond: () => 'stall' })
  const targets = [aTarget('hanging', hanging), aTarget('hook', receiver)]
  courier = createCourier({
    ...{ alerts: stores.alerts, outbox, environment: 'production' },
    ...{ targets: () => targets, log: silentLog, now },
  })
  desk = createAlertDesk({
    ...{ alerts: stores.alerts, mutes: stores.mutes, audit: api.parts.audit, courier },
    actions: { ...stores, gates: soleGate(gate) },
    policy: () => ({ windowMs: HOUR, actions: ACTIONS, maxActionsPerHour: 10 }),
    ...{ targets: () => targets, log: silentLog, now },
  })
})

afterAll(async () => {
  await desk.close()
  await courier.close()
  await running.close(0)
  await Promise.all([plane.stop(), receiver.close(), hanging.close()])
  directory.remove()
})

function aTarget(name: string, { origin, ca }: Upstream) {
  return createWebhook({
    ...{ name, ca, wants: { minScore: 0 }, allowPrivateAddress: true },
    url: parseWebhookUrl(`${origin}/alerts`)!,
    readSecret: async () => new Secret(SECRET),
    post: createPost({ dial: createDial(), now: Date.now, timeoutMs: 1000 }),
  })
}

function cli(line: string, key = api.keys.admin): Promise<Finished> {
  const url = `http://127.0.0.1:${running.address.port}`
  const environment = { APISTRONGHOLD_URL: url, APISTRONGHOLD_OPERATOR_KEY: key }
  return run(
    line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", '')),
    {
      directory: directory.path,
      environment,
    },
  )
}

async function statusWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(`${plane.url}/stripe/v1/customers`, { headers })).status
}

const about = (
  { agent, id }: { readonly agent: string; readonly id: string },
  overrides: Partial<KeyedFinding>,
): KeyedFinding => aFinding({ at: Date.now(), agent, tokenId: id, ...overrides })

describe('an alert', () => {
  it('is listed, delivered and acknowledged', async () => {
    const issued = await api.issue({ agent: 'walker' })
    await desk.take([about(issued, { rule: 'new_source', reason: 'first use from 192.0.2.7' })])
    await receiver.until(() => receiver.requests.length > 0)
    const body: unknown = JSON.parse(String(receiver.requests[0]?.body))
    expect(body).toMatchObject({ data: { alert: { agent: 'walker', rule: 'new_source' } } })

    const listed = await cli('alert list --agent walker')
    expect([listed.code, listed.stdout]).toEqual([
      0,
      expect.stringMatching(/new_source +walker +0\.70 +1 +open +first use from 192\.0\.2\.7/),
    ])
    const { items } = JSON.parse((await cli('alert list --agent walker --json')).stdout) as {
      items: { id: string }[]
    }
    const acknowledged = await cli(`alert ack ${items[0]!.id}`)
    expect(acknowledged).toMatchObject({ code: 0 })
    expect(acknowledged.stdout).toContain('(new_source) is looked after by alice')
    expect((await cli('alert list --agent walker')).stdout).toContain('no alerts')
    expect((await cli('alert list --agent walker --all')).stdout).toContain('seen by alice')
  })

  it('suspends a token: agents get 401 from then on, and the audit says why', async () => {
    const issued = await api.issue({ agent: 'leaky', scopes: 'stripe:read' })
    const other = await api.issue({ agent: 'leaky', scopes: 'stripe:read' })
    expect(await statusWith(issued.token)).toBe(200)
    const reason = 'a known real credential in a request body'
    const finding = about(issued, { rule: 'exfiltration', reason })
    await desk.take([finding])
    expect([await statusWith(issued.token), await statusWith(other.token)]).toEqual([401, 200])
    const record = api.audit.changes.find(({ action }) => action === 'token.suspend')
    expect(record).toMatchObject({
      operator: 'system',
      target: issued.id,
      details: { rule: 'exfiltration', reason, requestId: finding.requestId },
    })
    expect((await cli('alert list --agent leaky')).stdout).toContain('suspend_token, open')
  })

  it('disables an agent: every token of it gets 401, and it gets no new one', async () => {
    const issued = await api.issue({ agent: 'twin', scopes: 'stripe:read' })
    const other = await api.issue({ agent: 'twin', scopes: 'stripe:read' })
    await desk.take([about(issued, { rule: 'two_places' })])
    expect([await statusWith(issued.token), await statusWith(other.token)]).toEqual([401, 401])
    const again = await api.call('POST /v1/tokens', {
      body: { agent: 'twin', scopes: 'stripe:read' },
    })
    expect(again.status).toBe(409)
    expect(api.audit.changes.map(({ action }) => action)).toContain('agent.disable')
  })

  it('is raised once, however often it is told', async () => {
    const issued = await api.issue({ agent: 'echo' })
    const finding = about(issued, { rule: 'unusual_rate' })
    const before = api.audit.changes.length
    await desk.take([finding])
    await desk.take([finding, finding])
    const { items } = await api.stores.alerts.list({ agent: 'echo' }, { limit: 10 })
    expect(items).toMatchObject([{ count: 1 }])
    expect(api.audit.changes).toHaveLength(before + 1)
  })

  it('reaches its other targets while one of them hangs', async () => {
    await hanging.until(() => hanging.requests.length > 0)
    const issued = await api.issue({ agent: 'patient' })
    const seen = () => receiver.requests.some(({ body }) => String(body).includes('"patient"'))
    await desk.take([about(issued, { rule: 'unusual_hour' })])
    await receiver.until(seen)
    expect(await statusWith(issued.token)).toBe(200)
  })
})

describe('a mute', () => {
  it('keeps an agent quiet until it is ended', async () => {
    const issued = await api.issue({ agent: 'loud' })
    const muted = await cli("alert mute --agent loud --for 8h --reason 'load test'")
    expect(muted.stdout).toMatch(/^mut_\w{20}: every rule about loud is quiet until 20/)
    await desk.take([about(issued, { rule: 'exfiltration' })])
    expect(await statusWith(issued.token)).toBe(200)
    expect((await cli('alert list --agent loud')).stdout).toContain('no alerts')
    expect((await cli('alert list --agent loud --all')).stdout).toContain('muted')
    const mutes = await cli('alert mutes')
    expect(mutes.stdout).toMatch(/all +loud +in 7h59m +alice +load test/)
    const id = /mut_\w{20}/.exec(mutes.stdout)![0]
    expect((await cli(`alert unmute ${id}`)).stdout).toContain(`${id} ended`)
    expect((await cli(`alert unmute ${id}`)).code).toBe(4)
    await desk.take([about(issued, { rule: 'exfiltration' })])
    expect(await statusWith(issued.token)).toBe(401)
  })
})

describe('the command line', () => {
  it('tries every target and says what became of it', async () => {
    const tested = await cli('alert test')
    expect(tested.code).toBe(1)
    expect(tested.stdout).toBe('hanging: it did not answer in time\nhook: delivered\n')
    await vi.waitFor(() => {
      expect(String(receiver.requests.at(-1)?.body)).toContain('"type":"alert.test"')
    })
  })

  it.each([
    ['alert mute --for 8h --reason r', 2],
    ['alert mute --agent a --for soon --reason r', 2],
    ['alert mute --agent a --for 90d --reason r', 2],
    ['alert mute --agent a --reason r', 2],
    ['alert list --rule everything', 2],
    ['alert ack alt_00000000000000000000', 4],
    ['alert ack', 2],
  ])('%s ends with %i', async (line, code) => {
    expect((await cli(line)).code).toBe(code)
  })

  it('lets auditors read and nothing more', async () => {
    expect((await cli('alert list --all', api.keys.auditor)).code).toBe(0)
    const refused = await cli('alert mute --agent a --for 1h --reason r', api.keys.auditor)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('takes admin')])
  })
})
