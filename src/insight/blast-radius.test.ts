import { describe, expect, it } from 'vitest'
import { aCoverage, anActivity } from '../../test/support/activities.ts'
import { aGrant, NOW } from '../../test/support/grants.ts'
import { aRuledCatalog } from '../../test/support/rules.ts'
import type { Agent } from '../policy/agent-store.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { blastRadius } from './blast-radius.ts'
import type { BlastRadiusFacts } from './blast-radius-facts.ts'
import { createScopeBook } from './scope-book.ts'

const AGENT = 'order-processing-agent'
const id = (number: number) => `tok_${String(number).padStart(20, '0')}`
const book = createScopeBook(aRuledCatalog())

const listed = (...items: StoredGrant[]) => ({ items, total: items.length })
const stripe = (...holders: [string, number][]) => ({
  ...{ name: 'stripe', reference: 'vault:stripe', isCut: false, holders: new Map(holders) },
  sealed: { version: 3, sealedBy: 'alice', storedAt: NOW - 86_400_000 },
})
const anAgent = (name: string, more: Partial<Agent> = {}): [string, Agent] => [
  name,
  {
    ...{ id: name, name, owner: 'Payments', generation: 1, disabledAt: undefined, createdAt: 1 },
    ...more,
  },
]

const radiusOf = (overrides: Partial<BlastRadiusFacts> = {}) =>
  blastRadius({
    subject: { kind: 'agent', name: AGENT },
    ...{ now: NOW, coverage: aCoverage(), book, ancestors: [], activities: [] },
    ...{
      tokens: listed(aGrant()),
      descendants: listed(),
      ended: listed(),
      agents: new Map([anAgent(AGENT)]),
    },
    credentials: [stripe([AGENT, 1])],
    ...overrides,
  })

const commandsOf = (overrides: Partial<BlastRadiusFacts>) =>
  radiusOf(overrides).containment.map(({ command }) => command)

it('shows a live token with who issued it, its age, its use and where it may be used', () => {
  const grant = aGrant({ bindings: { cidr: ['10.0.0.0/8'] }, limits: { maxRequests: 5 } })
  const { tokens, worstRisk } = radiusOf({
    tokens: listed({ ...grant, lastUsedAt: NOW - 500_000 }),
    activities: [anActivity(), anActivity({ decision: 'deny', lastAt: NOW, count: 9 })],
  })
  expect(worstRisk).toBe('write')
  expect(tokens.items).toEqual([
    {
      ...{ id: grant.id, agent: AGENT, status: 'live', issuedBy: 'alice', worstRisk: 'write' },
      ...{ issuedAt: grant.issuedAt, expiresAt: grant.expiresAt, chain: [], calls: 5 },
      ...{ lastUsedAt: NOW - 60_000, lastSource: '10.1.2.3' },
      scopes: ['stripe:read', 'stripe:write'],
      bindings: { cidr: ['10.0.0.0/8'] },
      limits: { maxRequests: 5 },
    },
  ])
})

it('puts the worst first, and tells what was granted and never used', () => {
  const { scopes, called, refused } = radiusOf({
    tokens: listed(aGrant({ scopes: new Set(['stripe:read', 'stripe:payout', 'stripe:refund']) })),
    activities: [
      anActivity({ scopes: ['stripe:read'], method: 'GET', rule: 'GET /v1/**', count: 100 }),
      anActivity({ scopes: ['stripe:refund'], rule: 'POST /v1/refunds/**', count: 2, failed: 1 }),
      anActivity({ scopes: ['stripe:read'], method: 'HEAD', rule: 'GET /v1/**', count: 1 }),
      anActivity({ decision: 'deny', reason: 'scope_missing', count: 3 }),
    ],
  })
  expect(scopes.map(({ scope, calls }) => [scope, calls])).toEqual([
    ['stripe:refund', 2],
    ['stripe:payout', 0],
    ['stripe:read', 101],
  ])
  expect(scopes[0]).toMatchObject({
    ...{ operations: 2, credential: 'stripe', risk: 'money' },
    unused: { items: ['POST /v1/customers'], total: 1 },
  })
  expect(called.items.map(({ operation, calls }) => [operation, calls])).toEqual([
    ['POST /v1/refunds/**', 2],
    ['GET /v1/**', 100],
    ['GET /v1/** (HEAD)', 1],
  ])
  expect(refused.items).toMatchObject([{ reason: 'scope_missing', count: 3 }])
  expect(scopes[2]?.unused.total).toBe(0)
})

it('names the real credential: where it is kept, its version and age, and who else shares it', () => {
  const { credentials, agents } = radiusOf({
    credentials: [stripe(['other', 4], [AGENT, 1])],
    activities: [anActivity({ credential: { name: 'stripe', version: '2' } })],
  })
  expect(credentials).toEqual([
    {
      ...{ name: 'stripe', reference: 'vault:stripe', version: 3, sealedBy: 'alice' },
      ...{ storedAt: NOW - 86_400_000, usedVersion: '2', isCut: false, services: ['stripe'] },
      scopes: ['stripe:write', 'stripe:read'],
      holders: [
        { agent: 'other', tokens: 4 },
        { agent: AGENT, tokens: 1 },
      ],
    },
  ])
  expect(agents.map(({ name, relation }) => [name, relation])).toEqual([
    [AGENT, 'subject'],
    ['other', 'shares'],
  ])
})

it('counts what is below with it, and shows what is above', () => {
  const parent = aGrant({ id: id(2), agent: 'boss' })
  const child = aGrant({ id: id(3), agent: 'worker', chain: [id(2), id(1)] })
  const { ancestors, descendants, agents, scopes } = radiusOf({
    tokens: listed(aGrant({ chain: [id(2)], scopes: new Set(['stripe:read']) })),
    ancestors: [parent],
    descendants: listed({ ...child, scopes: new Set(['stripe:refund']) }),
  })
  expect(ancestors.map((token) => token.id)).toEqual([id(2)])
  expect(descendants.items.map((token) => token.id)).toEqual([id(3)])
  expect(agents.map(({ name, relation }) => [name, relation])).toEqual([
    [AGENT, 'subject'],
    ['worker', 'below'],
    ['boss', 'above'],
  ])
  expect(scopes.map(({ scope }) => scope)).toEqual(['stripe:refund', 'stripe:read'])
})

it.each([
  ['revoked', { ...aGrant(), revokedAt: NOW - 1 }, []],
  ['expired', aGrant({ expiresAt: NOW }), []],
  [
    'revoked',
    aGrant({ chain: [id(2)] }),
    [{ ...aGrant({ id: id(2), agent: 'boss' }), revokedAt: NOW - 1 }],
  ],
])('says of a token that is %s that nothing is live', (status, grant, ancestors) => {
  const { tokens, worstRisk, scopes, containment } = radiusOf({
    subject: { kind: 'token', name: grant.id },
    coverage: { ...aCoverage(), since: NOW },
    ...{ tokens: listed(grant), ancestors, credentials: [stripe()] },
  })
  expect(tokens.items[0]?.status).toBe(status)
  expect(worstRisk).toBeUndefined()
  expect(scopes).toEqual([])
  expect(containment[0]).toEqual({ effect: expect.stringContaining('dead already') as string })
})

it('tells what it could do before it was contained, of those that lived in the window', () => {
  const { since } = aCoverage()
  const revoked = { ...aGrant({ id: id(2) }), revokedAt: NOW - 1000 }
  const below = aGrant({ id: id(3), agent: 'worker', chain: [id(2)] })
  const before = { ...aGrant({ id: id(4) }), revokedAt: since - 1 }
  const report = radiusOf({
    ...{ tokens: listed(), ended: listed(revoked, below, before), activities: [anActivity()] },
    agents: new Map([anAgent(AGENT, { disabledAt: NOW - 1000 })]),
  })
  expect(report.ended.items.map((token) => [token.id, token.status])).toEqual([
    [id(2), 'revoked'],
    [id(3), 'revoked'],
  ])
  expect(report.scopes).toMatchObject([
    { scope: 'stripe:write', tokens: 0, ended: 2, risk: 'write' },
    { scope: 'stripe:read', tokens: 0, ended: 2 },
  ])
  expect(report.agents).toMatchObject([
    { name: AGENT, tokens: 0, ended: 1, scopes: ['stripe:read', 'stripe:write'] },
    { name: 'worker', relation: 'below', tokens: 0, ended: 1 },
  ])
  expect(report.worstRisk).toBeUndefined()
  expect(report.containment[0]?.effect).toContain('disabled already')
})

describe('to contain', () => {
  const activities = [anActivity()]
  const above = aGrant({ id: id(2), agent: 'boss' })

  it('an agent: disable it, revoke what stands above, replace the value if it may be known', () => {
    expect(commandsOf({ activities, ancestors: [above] })).toEqual([
      `apistronghold agent disable ${AGENT}`,
      `apistronghold token revoke --agent ${AGENT}`,
      `apistronghold token revoke ${id(2)}`,
      'apistronghold secret set stripe',
    ])
  })

  it('an agent with nothing live: only keep it from getting more, and replace the value', () => {
    const nothing = { tokens: listed(), credentials: [stripe()] }
    const { containment, worstRisk } = radiusOf({ ...nothing, activities })
    expect(worstRisk).toBeUndefined()
    expect(containment).toEqual([
      {
        command: `apistronghold agent disable ${AGENT}`,
        effect: expect.stringMatching(/^Nothing is live/) as string,
      },
      {
        command: 'apistronghold secret set stripe',
        effect: expect.stringMatching(/No live token leads to it\.$/) as string,
      },
    ])
    const above = aGrant({ id: id(2), agent: 'boss', chain: [id(3)] })
    const below = { ...nothing, descendants: listed(above) }
    expect(commandsOf(below)).toContain(`apistronghold token revoke --agent ${AGENT}`)
  })

  it('a token: revoke it, then disable an agent that has more', () => {
    const subject = { kind: 'token', name: id(1) } as const
    expect(commandsOf({ subject })).toEqual([`apistronghold token revoke ${id(1)}`])
    expect(commandsOf({ subject, credentials: [stripe([AGENT, 2])] })).toEqual([
      `apistronghold token revoke ${id(1)}`,
      `apistronghold agent disable ${AGENT}`,
    ])
  })

  it('a credential: replace it, then disable its agents', () => {
    const subject = { kind: 'credential', name: 'stripe' } as const
    expect(commandsOf({ subject })).toEqual([
      'apistronghold secret set stripe',
      `apistronghold agent disable ${AGENT}`,
    ])
  })

  it('a disabled agent: nothing, but for the value', () => {
    const agents = new Map([anAgent(AGENT, { disabledAt: NOW - 1 })])
    const { containment } = radiusOf({ agents, tokens: listed() })
    expect(containment).toEqual([{ effect: expect.stringContaining('disabled already') as string }])
  })

  it.each([
    ['env:STRIPE_KEY', /env:STRIPE_KEY, restart/],
    ['file:/run/secrets/stripe', /file:\/run\/secrets\/stripe, which is read again/],
  ])('a value in %s: say where to put the new one', (reference, words) => {
    const credential = { ...stripe([AGENT, 1]), reference }
    const step = radiusOf({ activities, credentials: [credential] }).containment.at(-1)
    expect(step?.command).toBeUndefined()
    expect(step?.effect).toMatch(words)
  })
})

it('shows only what leads to the credential that it is about', () => {
  const { scopes, agents } = radiusOf({
    subject: { kind: 'credential', name: 'stripe' },
    tokens: listed(aGrant({ scopes: new Set(['stripe:read', 'openai:chat']) })),
  })
  expect(scopes.map(({ scope }) => scope)).toEqual(['stripe:read'])
  expect(agents[0]?.relation).toBe('holder')
})
