import { beforeAll, describe, expect, it } from 'vitest'
import type { BlastRadius, StaleReport, TightenReport, UsageReport } from '../../sdk/src/client.ts'
import { createClient } from '../../sdk/src/client.ts'
import { NOW } from '../support/grants.ts'
import {
  EXPORT,
  OLD,
  openScenario,
  ORCHESTRATOR,
  ORDERS,
  playScenario,
  SUPPORT,
  WORKER,
  type Scenario,
} from '../support/report-scenario.ts'

let scenario: Scenario
let api: Scenario['api']
beforeAll(async () => {
  scenario = await playScenario()
  api = scenario.api
})

/** The answer of a report that must succeed. */
async function read<T>(question: string): Promise<T> {
  const { status, body } = await api.call(`GET /v1/reports/${question}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as unknown as T
}

describe('a blast radius', () => {
  it('of an agent holds its live tokens, what they did, and everybody who shares a credential', async () => {
    const report = await read<BlastRadius>('blast-radius?subject=order-agent')
    expect(report.subject).toEqual({ kind: 'agent', name: 'order-agent' })
    expect(report.coverage).toMatchObject({ isComplete: true, until: NOW })
    expect(report.tokens.items.map(({ id, calls }) => [id, calls])).toEqual([
      [ORDERS, 112],
      [OLD, 0],
    ])
    expect(
      report.called.items.map(({ operation, calls, failed }) => [operation, calls, failed]),
    ).toEqual([
      ['DELETE /v1/customers/*', 1, 0],
      ['POST /v1/charges', 50, 2],
      ['GET /v1/**', 61, 0],
    ])
    expect(report.refused.items).toMatchObject([{ reason: 'scope_missing', count: 3 }])
    const stripe = report.credentials.find(({ name }) => name === 'stripe')
    expect(stripe).toMatchObject({
      ...{ reference: 'vault:stripe', version: 3, sealedBy: 'alice', usedVersion: 'v3' },
      holders: [
        { agent: 'order-agent', tokens: 2 },
        { agent: 'nightly-export', tokens: 1 },
        { agent: 'orchestrator', tokens: 1 },
        { agent: 'refund-worker', tokens: 1 },
      ],
    })
    const never = report.scopes.flatMap(({ scope, calls }) => (calls === 0 ? scope : []))
    expect(never).toEqual(['stripe:payout', 'github:read'])
  })

  it('of an agent that was disabled still tells what it could do in the window', async () => {
    const played = await playScenario()
    await played.api.call('PATCH /v1/agents/orchestrator', { body: { disabled: true } })
    const answer = await played.api.call('GET /v1/reports/blast-radius?subject=orchestrator')
    const report = answer.body as unknown as BlastRadius
    expect(report).toMatchObject({ tokens: { total: 0 }, descendants: { total: 0 } })
    expect(report.ended.items.map(({ id, status }) => [id, status])).toEqual([
      [ORCHESTRATOR, 'revoked'],
      [WORKER, 'revoked'],
    ])
    expect(report.scopes.length).toBeGreaterThan(1)
    expect(report.scopes.every(({ tokens, ended }) => tokens === 0 && ended > 0)).toBe(true)
    expect(report.credentials.map(({ name }) => name)).toContain('stripe')
    expect(report.worstRisk).toBeUndefined()
    const later = await played.api.call(
      `GET /v1/reports/blast-radius?subject=orchestrator&since=${NOW + 1}&until=${NOW + 2}`,
    )
    expect((later.body as unknown as BlastRadius).ended.total).toBe(0)
  })

  it('of an orchestrator includes what its workers hold and did', async () => {
    const report = await read<BlastRadius>('blast-radius?subject=orchestrator')
    expect(report.descendants.items.map(({ id }) => id)).toEqual([WORKER])
    expect(report.called.items.map(({ agent, service }) => [agent, service])).toEqual([
      ['refund-worker', 'stripe'],
      ['orchestrator', 'openai'],
      ['refund-worker', 'stripe'],
    ])
    expect(report.containment[0]?.command).toBe('apistronghold agent disable orchestrator')
  })

  it('of a token shows what stands above it, and tells what ends both', async () => {
    const report = await read<BlastRadius>(`blast-radius?subject=${WORKER}`)
    expect(report.ancestors.map(({ id }) => id)).toEqual([ORCHESTRATOR])
    expect(report.containment.map(({ command }) => command)).toEqual([
      `apistronghold token revoke ${WORKER}`,
      `apistronghold token revoke ${ORCHESTRATOR}`,
      'apistronghold secret set stripe',
    ])
  })

  it('of a credential holds every live token that leads to it, whoever has it', async () => {
    const report = await read<BlastRadius>('blast-radius?subject=stripe')
    expect(report.tokens.items.map(({ id }) => id).sort()).toEqual(
      [ORDERS, OLD, WORKER, ORCHESTRATOR, EXPORT].sort(),
    )
    expect(report.scopes.every(({ credential }) => credential === 'stripe')).toBe(true)
    expect(report.called.items.every(({ service }) => service === 'stripe')).toBe(true)
  })

  it('of a disabled agent has no live token, and still what it did', async () => {
    const report = await read<BlastRadius>('blast-radius?subject=crawler')
    expect(report.tokens).toEqual({ items: [], total: 0 })
    expect(report.worstRisk).toBeUndefined()
    expect(report.called.items).toMatchObject([{ service: 'github', calls: 9 }])
    expect(report.containment[0]?.effect).toContain('disabled already')
  })

  it('of an agent without a history says that nothing was called', async () => {
    const report = await read<BlastRadius>('blast-radius?subject=support-bot')
    expect(report.called.total).toBe(0)
    expect(report.tokens.items).toMatchObject([{ id: SUPPORT, calls: 0 }])
    expect(report.tokens.items[0]).not.toHaveProperty('lastUsedAt')
  })

  it('covers only its window', async () => {
    const until = NOW - 30 * 60_000
    const report = await read<BlastRadius>(`blast-radius?subject=orchestrator&until=${until}`)
    expect(report.called.items.some(({ operation }) => operation.includes('refunds'))).toBe(false)
    const early = await read<BlastRadius>('blast-radius?subject=orchestrator&since=1&until=1000')
    expect(early.called.total).toBe(0)
    expect(early.coverage).toMatchObject({ since: 1, until: 1000 })
  })

  it.each([
    ['nobody', 404, 'not_found'],
    ['tok_00000000000000000000', 404, 'not_found'],
    ['order-agents', 404, 'not_found'],
    ['%3Cscript%3E', 404, 'not_found'],
    ['', 400, 'invalid_request'],
    ['a'.repeat(129), 400, 'invalid_request'],
    ['stripe&kind=agent', 404, 'not_found'],
    ['stripe&kind=tokens', 400, 'invalid_request'],
  ])('of %j is refused', async (subject, status, code) => {
    const answer = await api.call(`GET /v1/reports/blast-radius?subject=${subject}`)
    expect(answer).toMatchObject({ status, body: { code } })
  })

  it('names an agent that may have been meant', async () => {
    const { body } = await api.call('GET /v1/reports/blast-radius?subject=order-agnet')
    expect(body.nearest).toEqual(['order-agent'])
  })

  it('asks which one is meant where a name stands for several things', async () => {
    const own = await openScenario()
    await own.grant({ agent: 'stripe', scope: 'stripe:read' })
    const unclear = await own.api.call('GET /v1/reports/blast-radius?subject=stripe')
    expect(unclear).toMatchObject({ status: 409, body: { code: 'subject_ambiguous' } })
    expect(unclear.body.detail).toContain('an agent and a credential')
    for (const kind of ['agent', 'credential']) {
      const { body } = await own.api.call(
        `GET /v1/reports/blast-radius?subject=stripe&kind=${kind}`,
      )
      expect((body as unknown as BlastRadius).subject).toEqual({ kind, name: 'stripe' })
    }
  })

  it('takes an agent that calls itself like a token id for what it is', async () => {
    const own = await openScenario()
    const imitator = 'tok_00000000000000000009'
    await own.grant({ agent: imitator, id: 'tok_00000000000000000001', scope: 'stripe:read' })
    const { body } = await own.api.call(`GET /v1/reports/blast-radius?subject=${imitator}`)
    expect((body as unknown as BlastRadius).subject.kind).toBe('agent')
    await own.grant({ agent: 'other', id: imitator, scope: 'stripe:read' })
    const unclear = await own.api.call(`GET /v1/reports/blast-radius?subject=${imitator}`)
    expect(unclear.status).toBe(409)
  })
})

describe('usage', () => {
  it('adds up by agent and service', async () => {
    const { rows, total } = await read<UsageReport>('usage')
    expect(
      rows.items.map(({ keys, calls, refused, amounts }) => [keys, calls, refused, amounts]),
    ).toEqual([
      [['order-agent', 'stripe'], 112, 3, { eur: 120_000 }],
      [['orchestrator', 'openai'], 12, 0, {}],
      [['refund-worker', 'stripe'], 11, 0, { eur: 7996 }],
      [['crawler', 'github'], 9, 0, {}],
    ])
    expect(total).toMatchObject({ calls: 144, failed: 2, inputTokens: 14_400, outputTokens: 4080 })
  })

  it('adds up by what is asked for, of one agent, in a window', async () => {
    const since = NOW - 30 * 60_000
    const { by, rows } = await read<UsageReport>(
      `usage?by=credential&agent=refund-worker&since=${since}`,
    )
    expect(by).toEqual(['credential'])
    expect(rows.items).toMatchObject([{ keys: ['stripe'], calls: 4 }])
  })

  it.each(['by=nothing', 'by=', 'by=agent,agent', 'by=agent&by=agent', 'agent=a%20b', 'since=x'])(
    'is refused for %s',
    async (question) => {
      expect((await api.call(`GET /v1/reports/usage?${question}`)).status).toBe(400)
    },
  )
})

it('stale lists what nobody uses or answers for, with the lines that end it', async () => {
  const { tokens, agents, liveTokens } = await read<StaleReport>('stale')
  expect(liveTokens).toBe(6)
  expect(tokens.items.map(({ id, findings }) => [id, findings])).toEqual([
    [OLD, ['unused', 'long_lived']],
    [SUPPORT, ['never_used', 'long_lived']],
    [EXPORT, ['never_used']],
  ])
  expect(agents.items.map(({ name, findings }) => [name, findings])).toEqual([
    ['support-bot', ['never_used', 'ownerless']],
    ['refund-worker', ['ownerless']],
  ])
  const strict = await read<StaleReport>('stale?unusedMs=60000&longLivedMs=3600000')
  expect(strict.tokens.total).toBe(6)
})

describe('tighten', () => {
  it('proposes the smallest scopes, and replays the window against them', async () => {
    const report = await read<TightenReport>('tighten?agent=order-agent')
    expect(report.needed.map(({ scope }) => scope)).toEqual([
      'stripe:delete',
      'stripe:write',
      'stripe:read',
    ])
    expect(report.spare.map(({ scope }) => scope)).toEqual(['stripe:payout', 'github:read'])
    expect(report.replay).toEqual({ requests: 112, refused: 0, refusals: [], unknown: 0 })
    expect(report.commands[0]).toMatch(
      /^apistronghold token issue --agent order-agent --scopes stripe:delete,stripe:read,stripe:write --ttl 4h --bind cidr=10.1.2.3\/32 --rate \d+\/s$/,
    )
  })

  it('keeps what tokens below an orchestrator needed', async () => {
    const { needed } = await read<TightenReport>('tighten?agent=orchestrator')
    expect(needed.map(({ scope, isForOthers }) => [scope, isForOthers])).toEqual([
      ['stripe:refund', true],
      ['openai:inference', false],
      ['stripe:read', true],
    ])
  })

  it('knows no agent that there never was', async () => {
    expect((await api.call('GET /v1/reports/tighten?agent=nobody')).status).toBe(404)
  })
})

describe('reading a report', () => {
  const QUESTIONS = [
    ['blast-radius?subject=order-agent&kind=agent', 'report.blast-radius', 'order-agent'],
    ['blast-radius?subject=nobody', 'report.blast-radius', 'nobody'],
    ['usage?by=token', 'report.usage', 'usage'],
    ['stale', 'report.stale', 'stale'],
    ['tighten?agent=order-agent', 'report.tighten', 'order-agent'],
  ] as const

  it.each(QUESTIONS)(
    'AU-09 leaves a record with the question: %s',
    async (question, action, target) => {
      await api.call(`GET /v1/reports/${question}`, { key: api.keys.auditor })
      expect(api.audit.changes.at(-1)).toMatchObject({
        ...{ operator: 'olga', action, target, result: 'done' },
      })
    },
  )

  it.each(QUESTIONS)('is not for issuers: %s', async (question) => {
    const { status } = await api.call(`GET /v1/reports/${question}`, { key: api.keys.issuer })
    expect(status).toBe(403)
  })

  it('does not happen when it cannot be recorded', async () => {
    const own = await openScenario()
    own.api.audit.fail()
    const answer = await own.api.call('GET /v1/reports/stale')
    expect(answer).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
  })

  it('works through the client, and its answers are described in the API document', async () => {
    const client = createClient({
      url: 'http://localhost:8901',
      key: api.keys.auditor,
      fetch: async (url, init) => {
        const headers = new Headers(init.headers)
        headers.set('host', 'localhost:8901')
        return await api.app.request(url, { ...init, headers }, { source: '127.0.0.1' })
      },
    })
    expect((await client.reports.usage({ by: 'service' })).by).toEqual(['service'])
    expect((await client.reports.blastRadius({ subject: 'stripe' })).subject.kind).toBe(
      'credential',
    )
    expect((await client.reports.stale({ unusedMs: 1000 })).unusedMs).toBe(1000)
    expect((await client.reports.tighten({ agent: 'crawler' })).agent).toBe('crawler')
    const document = JSON.stringify((await api.call('GET /openapi.json')).body)
    for (const name of ['BlastRadius', 'UsageReport', 'StaleReport', 'TightenReport'])
      expect(document).toContain(`"#/components/schemas/${name}"`)
  })
})
