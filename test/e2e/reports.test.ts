/** Reports over what a running proxy did, and tighter scopes proven by doing the same again. */

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlastRadius, StaleReport, TightenReport, UsageReport } from '../../sdk/src/client.ts'
import { makeKey } from '../support/canary.ts'
import { respondAsOpenai } from '../support/fake-openai.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const STRIPE_KEY = makeKey('sk_live_')
const OPENAI_KEY = makeKey('sk-proj-')
const AGENT = 'order-agent'
const HELD = 'stripe:read,stripe:write,stripe:refund,stripe:payout,stripe:delete,openai:inference'
const OWNER = '<script>alert("owner")</script>'

/** What the agent does: all of it is let in. */
const DONE = [
  'GET /stripe/v1/customers',
  'GET /stripe/v1/customers?limit=3',
  'HEAD /stripe/v1/customers',
  'POST /stripe/v1/customers email=a%40b.example',
  'POST /stripe/v1/charges amount=1999&currency=eur',
  'POST /stripe/v1/charges amount=500&currency=eur',
  'GET /stripe/v1/charges/ch_fake1',
  'POST /stripe/v1/refunds charge=ch_fake1',
  // A negative balance needs stripe:refund as well: a condition on the body.
  'POST /stripe/v1/customers/cus_fake1 balance=-100',
] as const

describe('reports of a running proxy', () => {
  let upstreams: Upstream[]
  let proxy: ProxyProcess
  let tokenId: string

  beforeAll(async () => {
    upstreams = [
      await startUpstream({ respond: respondAsStripe(STRIPE_KEY) }),
      await startUpstream({ respond: respondAsOpenai(OPENAI_KEY) }),
    ]
    const [stripe, openai] = upstreams
    proxy = await startProxy({
      services: [
        { id: 'stripe', secret: STRIPE_KEY, upstream: stripe! },
        { id: 'openai', secret: OPENAI_KEY, upstream: openai! },
      ],
    })
    const { tokens } = proxy.client()
    const issued = await tokens.issue({ agent: AGENT, scopes: HELD, ttl: '2h', owner: OWNER })
    tokenId = issued.id
    for (const line of DONE) expect(isLetIn(await send(line, issued.token)), line).toBe(true)
    await tokens.issue({ agent: 'reader', scopes: 'stripe:read', ttl: '1h' })
    const reader = await proxy.issue('stripe:read', { agent: 'reader' })
    expect(await send('POST /stripe/v1/refunds charge=ch_fake1', reader)).toBe(403)
  })

  afterAll(async () => {
    await proxy.stop()
    for (const upstream of upstreams) await upstream.close()
  })

  async function send(line: string, token: string): Promise<number> {
    const [method = '', path = '', body] = line.split(' ')
    const headers = { authorization: `Bearer ${token}` }
    const form = body === undefined ? {} : { body: new URLSearchParams(body) }
    const answer = await fetch(`${proxy.url}${path}`, { method, headers, ...form })
    await answer.arrayBuffer()
    return answer.status
  }

  /** The upstream's own 404 is none of ours. */
  const isLetIn = (status: number) => ![401, 403, 429, 503].includes(status)

  async function report<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await proxy.commandWell(['report', ...words, '--format', 'json'])) as T
  }

  it('show what an agent could do and did, right after it did it', async () => {
    const radius = await report<BlastRadius>('blast-radius', AGENT)
    expect(radius.coverage).toMatchObject({ isComplete: true, gaps: [] })
    expect(radius.worstRisk).toBe('money')
    expect(radius.tokens.items).toMatchObject([{ id: tokenId, calls: DONE.length }])
    expect(radius.called.items.map(({ operation, calls }) => [operation, calls])).toEqual(
      expect.arrayContaining([
        ['POST /v1/refunds/**', 1],
        ['POST /v1/charges', 2],
        ['GET /v1/** (HEAD)', 1],
      ]),
    )
    expect(radius.scopes.flatMap(({ scope, calls }) => (calls === 0 ? scope : [])).sort()).toEqual([
      'openai:inference',
      'stripe:delete',
      'stripe:payout',
    ])
    const stripe = radius.credentials.find(({ name }) => name === 'stripe')
    expect(stripe).toMatchObject({
      ...{ reference: 'vault:stripe', version: 1, usedVersion: 'v1' },
      holders: [
        { agent: 'reader', tokens: 2 },
        { agent: AGENT, tokens: 1 },
      ],
    })
    expect(radius.containment[0]?.command).toBe(`apistronghold agent disable ${AGENT}`)
  })

  it('are words for people, without a colour or a secret in a pipe', async () => {
    const words = await proxy.commandWell(['report', 'blast-radius', 'stripe'])
    expect(words).toContain('Blast radius of credential stripe, worst: money')
    expect(words).toContain('apistronghold secret set stripe')
    expect(words).not.toContain('\u001b')
    expect(words).not.toContain(STRIPE_KEY)
  })

  it('AU-04 are one HTML file that only its owner may read, with names as text', async () => {
    const { stdout, stderr } = await proxy.command(
      `report blast-radius ${AGENT} --format html -o radius.html`.split(' '),
    )
    expect([stdout, stderr.trim()]).toEqual(['', 'written to radius.html'])
    const path = join(proxy.directory.path, 'radius.html')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const page = readFileSync(path, 'utf8')
    expect(page).toContain('&lt;script&gt;alert(&quot;owner&quot;)&lt;/script&gt;')
    expect(page).not.toContain('<script')
  })

  it('tell a token, an agent and a credential apart, and what is none of them', async () => {
    expect((await report<BlastRadius>('blast-radius', tokenId)).subject.kind).toBe('token')
    const unknown = await proxy.command(['report', 'blast-radius', 'order-agnet'])
    expect(unknown).toMatchObject({ code: 4, stdout: '' })
    expect(unknown.stderr).toContain('Did you mean order-agent?')
    await proxy.issue('stripe:read', { agent: 'openai' })
    const unclear = await proxy.command(['report', 'blast-radius', 'openai'])
    expect(unclear.code).toBe(4)
    expect(unclear.stderr).toContain('an agent and a credential')
    const agent = await report<BlastRadius>('blast-radius', 'openai', '--kind', 'agent')
    expect(agent.called.total).toBe(0)
  })

  it('add up what was called and refused', async () => {
    const { rows } = await report<UsageReport>('usage', '--by', 'agent')
    expect(rows.items.map(({ keys, calls, refused }) => [...keys, calls, refused])).toEqual([
      [AGENT, DONE.length, 0],
      ['reader', 0, 1],
    ])
    expect(await proxy.commandWell(['report', 'usage', '--month', '2020-02'])).toContain(
      'no requests',
    )
    expect((await proxy.command(['report', 'usage', '--month', '2020-13'])).code).toBe(2)
  })

  it('name who has no owner and what lives too long', async () => {
    const stale = await report<StaleReport>('stale', '--long-lived', '30m')
    expect(stale.tokens.items.map(({ id }) => id)).toContain(tokenId)
    expect(stale.agents.items).toMatchObject([
      { name: 'reader', findings: ['ownerless'] },
      { name: 'openai', findings: ['ownerless'] },
    ])
  })

  it('name nobody as ownerless whom agent set-owner gave an owner', async () => {
    await proxy.issue('stripe:read', { agent: 'orphan' })
    const stale = () => proxy.commandWell(['report', 'stale'])
    expect(await stale()).toMatch(/orphan .*no owner/)
    expect(await proxy.commandWell(['agent', 'set-owner', 'orphan', 'payments-team'])).toBe(
      'orphan is owned by payments-team',
    )
    expect(await stale()).not.toMatch(/orphan .*no owner/)
    const [record] = await proxy.audit({ action: 'agent.owner' })
    expect(record).toMatchObject({ target: 'orphan', details: { from: null, to: 'payments-team' } })
    const nobody = await proxy.command(['agent', 'set-owner', 'nobody', 'x'])
    expect([nobody.code === 0, nobody.stderr]).toEqual([false, expect.stringContaining('no agent')])
  })

  it('propose scopes with which the same requests are let in again, and no more', async () => {
    const tight = await report<TightenReport>('tighten', AGENT)
    expect(tight.needed.map(({ scope }) => scope).sort()).toEqual([
      'stripe:read',
      'stripe:refund',
      'stripe:write',
    ])
    expect(tight.replay).toMatchObject({ requests: DONE.length, refused: 0, unknown: 0 })
    const [issue = '', revoke = ''] = tight.commands
    const token = await proxy.commandWell(issue.split(' ').slice(1))
    await proxy.commandWell(revoke.split(' ').slice(1))
    for (const line of DONE) expect(isLetIn(await send(line, token)), line).toBe(true)
    expect(await send('POST /stripe/v1/payouts amount=1', token)).toBe(403)
    const [denied, ...others] = await proxy.audit({ agent: AGENT, decision: 'deny' })
    expect(denied).toMatchObject({ reason: 'scope_missing', rule: 'POST /v1/payouts/**' })
    expect(others).toEqual([])
  })

  it('AU-09 leave a record of each question', async () => {
    const records = await proxy.audit()
    const actions = new Set(records.map(({ action }) => action))
    for (const name of ['blast-radius', 'usage', 'stale', 'tighten'])
      expect(actions).toContain(`report.${name}`)
  })
})
