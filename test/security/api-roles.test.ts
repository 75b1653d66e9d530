import { beforeEach, describe, expect, it } from 'vitest'
import { operatorOnlyRoutes } from '../../src/api/routes/routes.ts'
import type { ChangeEvent } from '../../src/audit/audit-log.ts'
import { aRaise, raiseIn } from '../support/alerts.ts'
import { createTestApi, type TestApi } from '../support/api.ts'

/**
 * Each route of the control plane beside who may use it and what that leaves on the record. A route that
 * has no line here fails, so that nobody adds one without saying who it is for.
 */

type Role = 'admin' | 'issuer' | 'auditor'

interface Line {
  readonly roles: readonly Role[]
  /** The record that it leaves, which names its operator; none where it only shows what is no secret. */
  readonly record?: string
  /** How to ask it so that it works. */
  readonly ask?: (api: TestApi) => Promise<Asked> | Asked
}

interface Asked {
  readonly line: string
  readonly body?: unknown
}

const ADMIN: readonly Role[] = ['admin']
const ISSUERS: readonly Role[] = ['admin', 'issuer']
const AUDITORS: readonly Role[] = ['admin', 'auditor']
const ALL: readonly Role[] = ['admin', 'issuer', 'auditor']
const AGENT = 'order-processing-agent'

const issued = async (api: TestApi) => (await api.issue()).id
const raised = async (api: TestApi) =>
  (await raiseIn(api.stores.alerts, aRaise({})))?.alert.id ?? ''

const TABLE: Readonly<Record<string, Line>> = {
  'POST /v1/tokens': {
    ...{ roles: ISSUERS, record: 'token.issue' },
    ask: () => ({ line: 'POST /v1/tokens', body: { agent: 'new-agent', scopes: 'stripe:read' } }),
  },
  'GET /v1/tokens': { roles: ALL },
  'GET /v1/tokens/{id}': {
    roles: ALL,
    ask: async (api) => ({ line: `GET /v1/tokens/${await issued(api)}` }),
  },
  'POST /v1/tokens/{id}/resume': {
    ...{ roles: ADMIN, record: 'token.resume' },
    ask: async (api) => {
      const line = `POST /v1/tokens/${await issued(api)}/resume`
      return { line, body: { reason: 'a false alarm' } }
    },
  },
  'POST /v1/tokens/revoke': {
    ...{ roles: ISSUERS, record: 'token.revoke' },
    ask: async (api) => ({ line: 'POST /v1/tokens/revoke', body: { id: await issued(api) } }),
  },
  'GET /v1/agents': { roles: AUDITORS },
  'GET /v1/agents/{name}': {
    roles: AUDITORS,
    ask: async (api) => {
      await issued(api)
      return { line: `GET /v1/agents/${AGENT}` }
    },
  },
  'PATCH /v1/agents/{name}': {
    ...{ roles: ADMIN, record: 'agent.disable' },
    ask: async (api) => {
      await issued(api)
      return { line: `PATCH /v1/agents/${AGENT}`, body: { disabled: true } }
    },
  },
  'GET /v1/operators': { roles: AUDITORS },
  'POST /v1/operators': {
    ...{ roles: ADMIN, record: 'operator.add' },
    ask: () => ({ line: 'POST /v1/operators', body: { name: 'bob', role: 'auditor' } }),
  },
  'DELETE /v1/operators/{name}': {
    ...{ roles: ADMIN, record: 'operator.remove' },
    ask: () => ({ line: 'DELETE /v1/operators/olga' }),
  },
  'GET /v1/secrets': { roles: AUDITORS },
  'GET /v1/secret-sources': { roles: AUDITORS },
  'GET /v1/secrets/{name}': { roles: AUDITORS, ask: () => ({ line: 'GET /v1/secrets/stripe' }) },
  // Its envelope must verify: test/contract/api-resources.test.ts stores one.
  'PUT /v1/secrets/{name}': { roles: ADMIN },
  'DELETE /v1/secrets/{name}': { roles: ADMIN },
  'GET /v1/services': { roles: ALL },
  'GET /v1/services/{id}': { roles: ALL, ask: () => ({ line: 'GET /v1/services/stripe' }) },
  'GET /v1/audit': { roles: AUDITORS, record: 'audit.query' },
  'GET /v1/audit/counts': {
    ...{ roles: AUDITORS, record: 'audit.count' },
    ask: () => ({ line: 'GET /v1/audit/counts?by=agent' }),
  },
  'GET /v1/audit/status': { roles: AUDITORS },
  'GET /v1/audit/checkpoint': { roles: ALL },
  'GET /v1/audit/consistency': { roles: ALL },
  'POST /v1/audit/reindex': { roles: ADMIN, record: 'audit.reindex' },
  'GET /v1/reports/blast-radius': {
    ...{ roles: AUDITORS, record: 'report.blast-radius' },
    ask: async (api) => {
      await issued(api)
      return { line: `GET /v1/reports/blast-radius?subject=${AGENT}` }
    },
  },
  'GET /v1/reports/usage': { roles: AUDITORS, record: 'report.usage' },
  'GET /v1/reports/stale': { roles: AUDITORS, record: 'report.stale' },
  'GET /v1/reports/tighten': {
    ...{ roles: AUDITORS, record: 'report.tighten' },
    ask: async (api) => {
      await issued(api)
      return { line: `GET /v1/reports/tighten?agent=${AGENT}` }
    },
  },
  'GET /v1/alerts': { roles: AUDITORS, record: 'alert.list' },
  'POST /v1/alerts/{id}/ack': {
    ...{ roles: ADMIN, record: 'alert.ack' },
    ask: async (api) => ({ line: `POST /v1/alerts/${await raised(api)}/ack` }),
  },
  'POST /v1/alerts/test': { roles: ADMIN, record: 'alert.test' },
  'GET /v1/alerts/mutes': { roles: AUDITORS },
  'POST /v1/alerts/mutes': {
    ...{ roles: ADMIN, record: 'alert.mute' },
    ask: () => ({
      line: 'POST /v1/alerts/mutes',
      body: { rule: 'two_places', reason: 'known', until: Date.now() + 3_600_000 },
    }),
  },
  'DELETE /v1/alerts/mutes/{id}': { roles: ADMIN },
  'POST /v1/reload': { roles: ADMIN, record: 'settings.reload' },
  'GET /v1/replicas': { roles: AUDITORS },
}

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
})

const routesOf = ({ parts }: TestApi) =>
  operatorOnlyRoutes(parts, {
    grant: () => Promise.reject(new Error('not called')),
    withdraw: () => Promise.reject(new Error('not called')),
    note: () => Promise.reject(new Error('not called')),
  })

const nameOf = ({ method, path }: { readonly method: string; readonly path: string }) =>
  `${method.toUpperCase()} ${path}`

const NAMES: Readonly<Record<Role, string>> = { admin: 'alice', issuer: 'ivan', auditor: 'olga' }

async function askAs(role: Role, name: string): Promise<{ status: number; left: ChangeEvent[] }> {
  const { ask = () => ({ line: name.replaceAll(/\{\w+\}/g, 'some-name') }) } = TABLE[name] ?? {}
  const { line, ...request } = await ask(api)
  const before = api.audit.changes.length
  const { status } = await api.call(line, { ...request, key: api.keys[role] })
  return { status, left: api.audit.changes.slice(before) }
}

const CASES = Object.entries(TABLE).flatMap(([name, line]) =>
  ALL.map((role) => [name, role, line] as const),
)

describe('the routes of the control plane', () => {
  it('AD-01 all stand in the table of who may use them', () => {
    expect(routesOf(api).map(nameOf).sort()).toEqual(Object.keys(TABLE).sort())
  })

  it('AD-01 say of themselves what the table says', () => {
    for (const route of routesOf(api))
      expect([nameOf(route), [...route.roles].sort()]).toEqual([
        nameOf(route),
        [...(TABLE[nameOf(route)]?.roles ?? [])].sort(),
      ])
  })

  it.each(CASES.filter(([, role, { roles }]) => !roles.includes(role)))(
    'AD-01 %s is refused to an %s, on the record',
    async (name, role) => {
      const { status, left } = await askAs(role, name)
      expect([status, left]).toMatchObject([
        403,
        [{ operator: NAMES[role], action: 'role.exceeded', target: name, result: 'refused' }],
      ])
    },
  )

  it.each(CASES.filter(([, role, { roles }]) => roles.includes(role)))(
    'AU-09 %s by an %s leaves the record that the table says',
    async (name, role, { record, ask }) => {
      const { status, left } = await askAs(role, name)
      if (record !== undefined || ask) expect(status).toBeLessThan(300)
      const expected = record === undefined ? [] : [{ operator: NAMES[role], action: record }]
      const names = left.filter(({ result }) => result === 'done')
      expect(names).toMatchObject(expected)
      expect(
        names.every(({ requestId, source }) => requestId !== '' && source === '127.0.0.1'),
      ).toBe(true)
    },
  )

  it.each(Object.keys(TABLE))("AD-01 %s is nobody's whose key was removed", async (name) => {
    const added = await api.call('POST /v1/operators', { body: { name: 'eve', role: 'admin' } })
    await api.call('DELETE /v1/operators/eve')
    const answer = await api.call(name.replaceAll(/\{\w+\}/g, 'x'), { key: added.body.key })
    expect(answer.status).toBe(401)
  })
})

describe('questions that are meant to hurt', () => {
  const LONG = 'x'.repeat(100_000)

  it.each([
    `GET /v1/audit?text=${encodeURIComponent("%' OR 1=1 --")}`,
    `GET /v1/audit?text=${encodeURIComponent('(a+)+$')}`,
    `GET /v1/audit?path=${encodeURIComponent('%_\\')}`,
    'GET /v1/audit?agent=%00',
    'GET /v1/audit?since=0&until=99999999999999',
    'GET /v1/audit?since=9&until=1',
    'GET /v1/reports/usage?by=agent,agent',
    'GET /v1/reports/usage?since=0&until=9007199254740991',
    'GET /v1/reports/blast-radius?subject=..%2f..%2fetc',
    'GET /v1/reports/stale?unusedMs=999999999999999',
    'GET /v1/audit/counts?by=password',
    'GET /v1/audit?limit=1000000000',
    'GET /v1/audit?agent=a&agent=b',
    `GET /v1/audit?text=${LONG}`,
  ])('AD-04 %.80s is answered or refused in order', async (line) => {
    const { status, body } = await api.call(line, { key: api.keys.auditor })
    expect([200, 400, 404, 413, 414]).toContain(status)
    expect(JSON.stringify(body)).not.toMatch(/sqlite|SELECT|at .*\.ts/i)
  })

  it('AD-04 a cursor of one operator gives another one a record of her own', async () => {
    for (let times = 0; times < 3; times++) await issued(api)
    const first = await api.call('GET /v1/audit?limit=1', { key: api.keys.auditor })
    const next = `GET /v1/audit?limit=1&cursor=${first.body.nextCursor}`
    const before = api.audit.changes.length
    expect((await api.call(next, { key: api.keys.auditor })).status).toBe(200)
    expect(api.audit.changes.length).toBe(before)
    expect((await api.call(next, { key: api.keys.admin })).status).toBe(200)
    expect(api.audit.changes.slice(before)).toMatchObject([
      { operator: 'alice', action: 'audit.query' },
    ])
  })

  it.each(['x'.repeat(40), '', '%00', 'AAAA.BBBB'])(
    'AD-04 the forged cursor "%s" is refused',
    async (cursor) => {
      const answer = await api.call(`GET /v1/audit?cursor=${cursor}`, { key: api.keys.auditor })
      expect(answer).toMatchObject({ status: 400 })
    },
  )
})
