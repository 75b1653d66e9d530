import { beforeEach, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from '../support/api.ts'
import { aChange, anIntent, anOutcome, aRefusal, aRequestId } from '../support/audit.ts'
import { anAccess, NOW } from '../support/grants.ts'

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
})

const MINUTE_MS = 60_000
const FAR_MS = 24 * 60 * MINUTE_MS

async function fill(count: number): Promise<void> {
  const { audit } = api.parts
  for (let number = 0; number < count; number++) {
    api.clock.now = NOW + number
    const requestId = aRequestId(number)
    await audit.intent(anIntent({ access: anAccess({ requestId }) }))
    audit.outcome(anOutcome({ requestId }))
  }
  api.clock.now = NOW + 1000
}

const readings = () =>
  api.audit.changes.filter(({ action }) => action.startsWith('audit.')).map(({ action }) => action)

const next = (body: Record<string, unknown>) => encodeURIComponent(String(body['nextCursor']))

describe('AU-09 reading the audit', () => {
  it.each([
    ['GET /v1/audit?agent=a', 'audit.query'],
    ['GET /v1/audit?purpose=export', 'audit.export'],
    ['GET /v1/audit?purpose=tail', 'audit.tail'],
    ['GET /v1/audit/counts?by=agent', 'audit.count'],
  ])('%s leaves a record with the operator, before the answer', async (line, action) => {
    expect(await api.call(line, { key: api.keys.auditor })).toMatchObject({ status: 200 })
    expect(api.audit.changes).toMatchObject([{ operator: 'olga', action, result: 'done' }])
    api.audit.fail()
    expect(await api.call(line)).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
  })

  it.each([
    'GET /v1/audit',
    'GET /v1/audit/counts?by=agent',
    'GET /v1/audit/status',
    'POST /v1/audit/reindex',
  ])('%s is not for issuers, whose attempt is recorded', async (line) => {
    expect(await api.call(line, { key: api.keys.issuer })).toMatchObject({ status: 403 })
    expect(api.audit.changes).toMatchObject([
      { operator: 'ivan', action: 'role.exceeded', result: 'refused' },
    ])
  })

  it('says what was asked for', async () => {
    await api.call('GET /v1/audit?agent=a&text=secret%20plan&order=newest&limit=5')
    expect(api.audit.changes).toMatchObject([
      {
        action: 'audit.query',
        details: { agent: 'a', text: 'secret plan', order: 'newest', limit: 5, continued: false },
      },
    ])
  })

  it('leaves one record however many pages it takes, but one for each operator', async () => {
    await fill(6)
    const first = await api.call('GET /v1/audit?limit=2&decision=allow')
    const line = (body: Record<string, unknown>) =>
      `GET /v1/audit?limit=2&decision=allow&cursor=${next(body)}`
    const second = await api.call(line(first.body))
    const third = await api.call(line(second.body))
    expect([first, second, third].flatMap(({ body }) => body.items)).toHaveLength(6)
    expect(readings()).toEqual(['audit.query'])
    await api.call(line(first.body), { key: api.keys.auditor })
    expect(readings()).toEqual(['audit.query', 'audit.query'])
    api.clock.now += 16 * MINUTE_MS
    await api.call(line(first.body))
    expect(readings()).toHaveLength(3)
  })

  it('tails with one record a minute, and hears of what comes later', async () => {
    await fill(2)
    let cursor = ''
    const seen: unknown[] = []
    for (let poll = 0; poll < 90; poll++) {
      api.clock.now += 1000
      const { body } = await api.call(
        `GET /v1/audit?purpose=tail&agent=order-processing-agent${cursor}`,
      )
      cursor = `&cursor=${next(body)}`
      seen.push(...(body.items as unknown[]))
      if (poll === 40) await api.parts.audit.refusal(aRefusal({ requestId: aRequestId(77) }))
    }
    expect(seen).toMatchObject([{ kind: 'intent' }, { kind: 'intent' }, { kind: 'refusal' }])
    expect(readings()).toEqual(['audit.tail', 'audit.tail'])
  })
})

describe('a query', () => {
  it('takes every filter', async () => {
    await fill(3)
    const all = new URLSearchParams({
      ...{ agent: 'order-processing-agent', withDescendants: 'true', service: 'stripe' },
      ...{ tokenId: 'tok_00000000000000000001', scope: 'stripe:write', decision: 'allow' },
      ...{ status: '2xx', path: '/v1', source: '127.0.0.0/8', text: 'CHARGES', order: 'newest' },
      ...{ requestId: aRequestId(1), since: String(NOW - FAR_MS), until: String(NOW + FAR_MS) },
    })
    const { body } = await api.call(`GET /v1/audit?${all.toString()}`)
    expect(body.items).toMatchObject([{ requestId: aRequestId(1), outcome: { status: 200 } }])
    for (const [name, value] of Object.entries({
      operator: 'alice',
      action: 'token.',
      reason: 'x',
      sessionId: 'ses_1',
    }))
      expect(await api.call(`GET /v1/audit?${name}=${value}`)).toMatchObject({ status: 200 })
  })

  it.each([
    'status=6xx',
    'status=abc',
    'source=10.0.0.1%2F8',
    'source=somewhere',
    'order=sideways',
    'text=',
    'text=a%00b',
    'withDescendants=yes',
    'purpose=fun',
    'nothing=1',
    'tokenId=tok_1',
  ])('is refused with %s', async (query) => {
    expect(await api.call(`GET /v1/audit?${query}`)).toMatchObject({ status: 400 })
    expect(api.audit.changes).toEqual([])
  })

  it.each([
    'audit?since=5&until=1',
    'audit/counts?by=agent&since=5&until=5',
    'reports/usage?since=5&until=1',
    'reports/blast-radius?subject=order-agent&since=5&until=1',
    'reports/tighten?agent=order-agent&since=5&until=1',
  ])('refuses a time that runs backwards: %s', async (question) => {
    const { status, body } = await api.call(`GET /v1/${question}`)
    expect([status, body.errors]).toEqual([
      400,
      [{ field: 'until', message: 'must be after `since`' }],
    ])
  })

  it('refuses a cursor of another filter, order or purpose', async () => {
    await fill(3)
    const { body } = await api.call('GET /v1/audit?limit=1')
    for (const other of ['limit=1&decision=allow', 'limit=1&order=newest', 'limit=1&purpose=tail'])
      expect(await api.call(`GET /v1/audit?${other}&cursor=${next(body)}`)).toMatchObject({
        body: { code: 'cursor_invalid' },
      })
  })

  it('says how far the index is', async () => {
    expect((await api.call('GET /v1/audit')).body['index']).toEqual({
      behindBytes: 0,
      isRebuilding: false,
      oldestAt: expect.any(Number) as number,
    })
  })
})

describe('counts', () => {
  it('are by what is asked for, in its order', async () => {
    await fill(3)
    await api.parts.audit.refusal(aRefusal({ requestId: aRequestId(9) }))
    const { body } = await api.call('GET /v1/audit/counts?by=decision,agent&service=stripe')
    expect(body.items).toMatchObject([
      { key: ['allow', 'order-processing-agent'], count: 3, failed: 0 },
      { key: ['deny', 'order-processing-agent'], count: 1 },
    ])
  })

  it.each(['', 'by=', 'by=colour', 'by=agent,agent', 'by=agent&path=/v1'])(
    'are refused with %j',
    async (query) => {
      expect(await api.call(`GET /v1/audit/counts?${query}`)).toMatchObject({ status: 400 })
    },
  )
})

describe('the index', () => {
  it('is built anew by admins only, on the record', async () => {
    const line = 'POST /v1/audit/reindex'
    expect(await api.call(line, { key: api.keys.auditor })).toMatchObject({ status: 403 })
    expect(await api.call(line)).toMatchObject({ status: 200 })
    expect(readings()).toEqual(['audit.reindex'])
  })

  it('and the journal have a status', async () => {
    await api.parts.audit.change(aChange())
    expect((await api.call('GET /v1/audit/status', { key: api.keys.auditor })).body).toEqual({
      journal: { writable: true, records: 1, bytes: expect.any(Number) as number },
      index: {
        records: 1,
        oldestAt: expect.any(Number) as number,
        behindBytes: 0,
        isRebuilding: false,
      },
    })
  })
})
