import { beforeEach, describe, expect, it } from 'vitest'
import type { AlertTargetReport, AlertView, MuteView, Page } from '../../sdk/src/client.ts'
import { createClient } from '../../sdk/src/client.ts'
import { ALERT_RULES, type Alert } from '../../src/insight/alert.ts'
import { AGENT, aRaise, raiseIn } from '../support/alerts.ts'
import { createTestApi, type ApiAnswer, type ApiCall, type TestApi } from '../support/api.ts'
import { NOW } from '../support/grants.ts'

const HOUR = 3_600_000

let api: TestApi
beforeEach(async () => {
  api = await createTestApi({
    testAlerts: async () => [{ target: 'hook' }, { target: 'chat', problem: 'it answered 500' }],
  })
})

type AlertBody = AlertView & MuteView & Page<AlertView & MuteView & AlertTargetReport>
type AlertAnswer = Omit<ApiAnswer, 'body'> & {
  readonly body: AlertBody & { readonly code?: string; readonly errors?: readonly unknown[] }
}

/** As the answer's own type has other bodies in mind. */
const call = async (line: string, request?: ApiCall) =>
  (await api.call(line, request)) as unknown as AlertAnswer

async function raise(draft: Parameters<typeof aRaise>[0] = {}): Promise<Alert> {
  return (await raiseIn(api.stores.alerts, aRaise(draft)))!.alert
}

describe('alerts', () => {
  it('are listed as they are, newest first', async () => {
    const first = await raise()
    const second = await raise({
      draft: { agent: 'worker', firstAt: NOW + 5 },
      action: { action: 'disable_agent', target: 'worker' },
    })
    const { status, body } = await call('GET /v1/alerts')
    expect([status, body.items]).toEqual([200, [second, first]])
    expect(body.items[0]?.actions).toEqual([
      { action: 'disable_agent', target: 'worker', state: 'pending', at: NOW },
    ])
  })

  it.each([
    ['?agent=worker', ['worker']],
    [`?since=${NOW + 5}`, ['worker']],
    ['?rule=two_places', []],
    ['?status=open', ['worker', AGENT]],
    ['?status=acknowledged', []],
    ['?status=muted', []],
  ])('are found with %s', async (query, agents) => {
    await raise()
    await raise({ draft: { agent: 'worker', firstAt: NOW + 5 } })
    const { body } = await call(`GET /v1/alerts${query}`)
    expect(body.items.map(({ agent }) => agent)).toEqual(agents)
  })

  it.each(['?status=closed', '?rule=everything', '?agent=a%20b', '?since=now', '?limit=0', '?x=1'])(
    'are not asked for with %s',
    async (query) => {
      expect(await call(`GET /v1/alerts${query}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      })
    },
  )

  it('come page by page, with cursors of this list only', async () => {
    for (const agent of ['a', 'b', 'c']) await raise({ draft: { agent } })
    const first = await call('GET /v1/alerts?limit=2')
    const rest = await call(`GET /v1/alerts?limit=2&cursor=${first.body.nextCursor}`)
    expect([first.body.items.length, rest.body.items.length]).toEqual([2, 1])
    const elsewhere = await call(`GET /v1/alerts?status=open&cursor=${first.body.nextCursor}`)
    expect(elsewhere).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } })
  })

  it('AU-09 are on the record as read, once for all pages of one reader', async () => {
    for (const agent of ['a', 'b', 'c']) await raise({ draft: { agent } })
    const { auditor, admin } = api.keys
    const first = await call('GET /v1/alerts?limit=2&status=open', { key: auditor })
    const rest = `GET /v1/alerts?limit=2&status=open&cursor=${first.body.nextCursor}`
    expect((await call(rest, { key: auditor })).body.items).toHaveLength(1)
    const reading = { action: 'alert.list', target: 'alerts', result: 'done' }
    const asked = { status: 'open', limit: 2 }
    const begun = { ...reading, operator: 'olga', details: { ...asked, continued: false } }
    expect(api.audit.changes).toMatchObject([begun])
    await call(rest, { key: admin })
    const taken = { ...reading, operator: 'alice', details: { ...asked, continued: true } }
    expect(api.audit.changes).toMatchObject([begun, taken])
  })

  it('are acknowledged by whoever looks after them, on the record', async () => {
    const { id } = await raise()
    const { status, body } = await call(`POST /v1/alerts/${id}/ack`)
    expect([status, body]).toMatchObject([
      200,
      { id, status: 'acknowledged', acknowledgedBy: 'alice', acknowledgedAt: NOW },
    ])
    expect((await call(`POST /v1/alerts/${id}/ack`)).status).toBe(200)
    expect(api.audit.changes[0]).toMatchObject({
      operator: 'alice',
      action: 'alert.ack',
      target: id,
      details: { rule: 'refusal_burst', agent: AGENT },
    })
  })

  it.each(['alt_00000000000000000000', 'alt_1', 'x'])('%s is not acknowledged', async (id) => {
    expect((await call(`POST /v1/alerts/${id}/ack`)).status).toBe(id.length > 20 ? 404 : 400)
    expect(api.audit.changes).toEqual([])
  })

  it('are tried, target by target', async () => {
    const { status, body } = await call('POST /v1/alerts/test')
    expect([status, body.items]).toEqual([
      200,
      [
        { target: 'hook', delivered: true },
        { target: 'chat', delivered: false, problem: 'it answered 500' },
      ],
    ])
    expect(api.audit.changes).toMatchObject([{ operator: 'alice', action: 'alert.test' }])
  })
})

describe('mutes', () => {
  const mute = { rule: 'two_places', agent: AGENT, until: NOW + HOUR, reason: 'load test' }

  it('are set, listed and ended, on the record', async () => {
    const { status, body } = await call('POST /v1/alerts/mutes', { body: mute })
    expect([status, body]).toMatchObject([201, { ...mute, createdBy: 'alice', createdAt: NOW }])
    expect((await call('GET /v1/alerts/mutes')).body.items).toEqual([body])
    expect((await call(`DELETE /v1/alerts/mutes/${body.id}`)).status).toBe(204)
    expect((await call('GET /v1/alerts/mutes')).body.items).toEqual([])
    expect((await call(`DELETE /v1/alerts/mutes/${body.id}`)).status).toBe(404)
    expect(api.audit.changes).toMatchObject([
      { action: 'alert.mute', target: body.id, details: mute },
      { action: 'alert.unmute', target: body.id },
    ])
  })

  it('end by themselves', async () => {
    await call('POST /v1/alerts/mutes', { body: mute })
    api.clock.now = NOW + HOUR
    expect((await call('GET /v1/alerts/mutes')).body.items).toEqual([])
  })

  it.each([
    ['everything', { rule: undefined, agent: undefined }],
    ['the past', { until: NOW }],
    ['more than a month', { until: NOW + 30 * 24 * HOUR + 1 }],
    ['an unknown rule', { rule: 'everything' }],
    ['what says that actions were held back', { rule: 'actions_withheld' }],
    ['no reason', { reason: '' }],
    ['a reason on two lines', { reason: 'a\nb' }],
    ['more than is known here', { extra: 1 }],
  ])('are not set for %s', async (_case, overrides) => {
    const answer = await call('POST /v1/alerts/mutes', { body: { ...mute, ...overrides } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(api.audit.changes).toEqual([])
  })
})

describe('who may do what with alerts', () => {
  it.each([
    ['GET /v1/alerts', { admin: 200, issuer: 403, auditor: 200 }],
    ['GET /v1/alerts/mutes', { admin: 200, issuer: 403, auditor: 200 }],
    ['POST /v1/alerts/test', { admin: 200, issuer: 403, auditor: 403 }],
    ['POST /v1/alerts/alt_00000000000000000000/ack', { admin: 404, issuer: 403, auditor: 403 }],
    ['POST /v1/alerts/mutes', { admin: 400, issuer: 403, auditor: 403 }],
    ['DELETE /v1/alerts/mutes/mut_00000000000000000000', { admin: 404, issuer: 403, auditor: 403 }],
  ] as const)('%s answers %j', async (line, expected) => {
    const body = line === 'POST /v1/alerts/mutes' ? { body: {} } : {}
    const statuses = await Promise.all(
      (['admin', 'issuer', 'auditor'] as const).map(
        async (role) =>
          [role, (await call(line, { key: api.keys[role], ...body })).status] as const,
      ),
    )
    expect(Object.fromEntries(statuses)).toEqual(expected)
    expect((await call(line, { key: '', ...body })).status).toBe(401)
  })
})

it('the client speaks of alerts as the control plane does', async () => {
  const client = createClient({
    url: 'http://localhost:8901',
    key: api.keys.admin,
    fetch: async (url, init) => {
      const headers = new Headers(init.headers)
      headers.set('host', 'localhost:8901')
      if (typeof init.body === 'string')
        headers.set('content-length', String(Buffer.byteLength(init.body)))
      return await api.app.request(url, { ...init, headers }, { source: '127.0.0.1' })
    },
  })
  const { id } = await raise()
  expect((await client.alerts.list({ status: 'open' })).items).toMatchObject([{ id }])
  expect(await client.alerts.acknowledge(id)).toMatchObject({ status: 'acknowledged' })
  const until = NOW + HOUR
  const mute = await client.alerts.mute({ agent: AGENT, until, reason: 'quiet' })
  expect((await client.alerts.mutes()).items).toEqual([mute])
  await client.alerts.unmute(mute.id)
  expect((await client.alerts.test()).items).toHaveLength(2)
})

it('every rule can be asked for', async () => {
  for (const rule of ALERT_RULES)
    expect((await call(`GET /v1/alerts?rule=${rule}`)).status).toBe(200)
})
