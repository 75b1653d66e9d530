import { expect, it } from 'vitest'
import { aCoverage, anActivity } from '../../test/support/activities.ts'
import { aGrant, NOW } from '../../test/support/grants.ts'
import { aRuledCatalog } from '../../test/support/rules.ts'
import type { Agent } from '../policy/agent-store.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { createScopeBook } from './scope-book.ts'
import { createStaleSurvey, type StaleFacts } from './stale.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const anAgent = (overrides: Partial<Agent> = {}): Agent => ({
  ...{ id: 'agt_1', name: 'order-processing-agent', owner: 'Payments', generation: 1 },
  ...{ disabledAt: undefined, createdAt: NOW - 100 * DAY },
  ...overrides,
})

function survey(grants: readonly StoredGrant[], overrides: Partial<StaleFacts> = {}) {
  const facts: StaleFacts = {
    ...{ now: NOW, coverage: aCoverage(), agents: [], activities: [], lastUses: new Map() },
    ...{ book: createScopeBook(aRuledCatalog()), unusedMs: 30 * DAY, longLivedMs: 7 * DAY },
    ...overrides,
  }
  const made = createStaleSurvey(facts)
  made.add(grants)
  return made.report()
}

const aged = (ageMs: number, lifeMs: number, more: Partial<StoredGrant> = {}): StoredGrant => ({
  ...aGrant({ issuedAt: NOW - ageMs, expiresAt: NOW - ageMs + lifeMs }),
  ...more,
})

it.each([
  ['used a minute ago', aged(HOUR, 4 * HOUR, { lastUsedAt: NOW - 60_000 }), []],
  ['new', aged(60_000, 4 * HOUR), []],
  ['never used, after half of its short life', aged(3 * HOUR, 4 * HOUR), ['never_used']],
  ['long-lived, and in use', aged(DAY, 90 * DAY, { lastUsedAt: NOW }), ['long_lived']],
  ['long-lived and never used', aged(40 * DAY, 90 * DAY), ['never_used', 'long_lived']],
  [
    'not used for a month',
    aged(40 * DAY, 90 * DAY, { lastUsedAt: NOW - 30 * DAY }),
    ['unused', 'long_lived'],
  ],
])('says of a token that is %s: %j', (_what, grant, findings) => {
  expect(survey([grant]).tokens.items.flatMap((token) => token.findings)).toEqual(findings)
})

it('takes the word of the audit where the database does not know of a use yet', () => {
  const grant = aged(3 * HOUR, 4 * HOUR)
  expect(survey([grant], { activities: [anActivity()] }).tokens.items).toEqual([])
  const refused = anActivity({ decision: 'deny', reason: 'scope_missing' })
  expect(survey([grant], { activities: [refused] }).tokens.items[0]?.findings).toEqual([
    'only_refused',
  ])
})

it('gives the line that revokes, and puts what has most reasons and the worst scopes first', () => {
  const ids = ['tok_00000000000000000001', 'tok_00000000000000000002', 'tok_00000000000000000003']
  const [quiet, money, both] = ids
  const { tokens, liveTokens } = survey([
    aged(40 * DAY, 41 * DAY, { id: quiet!, lastUsedAt: NOW }),
    aged(40 * DAY, 41 * DAY, { id: money!, lastUsedAt: NOW, scopes: new Set(['stripe:payout']) }),
    aged(40 * DAY, 41 * DAY, { id: both! }),
  ])
  expect(liveTokens).toBe(3)
  expect(tokens.items.map(({ command }) => command)).toEqual(
    [both, money, quiet].map((id) => `apistronghold token revoke ${id}`),
  )
})

const LAST_USE = new Map([['order-processing-agent', NOW - 31 * DAY]])

it.each([
  ['in use', { agent: anAgent(), activities: [anActivity()] }, undefined],
  [
    'without an owner',
    { agent: anAgent({ owner: undefined }), activities: [anActivity()] },
    ['ownerless'],
  ],
  ['never used', { agent: anAgent() }, ['never_used']],
  ['too new to judge', { agent: anAgent({ createdAt: NOW - DAY }) }, undefined],
  ['unused for long', { agent: anAgent(), lastUses: LAST_USE }, ['unused']],
  ['disabled', { agent: anAgent({ disabledAt: NOW - DAY, owner: undefined }) }, undefined],
])('says of an agent that is %s what is to be said', (_what, { agent, ...facts }, findings) => {
  const { agents } = survey([], { ...facts, agents: [agent] })
  expect(agents.items[0]?.findings).toEqual(findings)
  const isIdle = findings?.some((finding) => finding !== 'ownerless') ?? false
  expect(agents.items[0]?.command).toBe(
    isIdle ? 'apistronghold agent disable order-processing-agent' : undefined,
  )
})

it('keeps the worst of very many, and counts all', () => {
  const grants = Array.from({ length: 5000 }, (_, number) =>
    aged(3 * HOUR, 4 * HOUR, {
      id: `tok_${String(number).padStart(20, '0')}`,
      scopes: new Set([number === 10 ? 'stripe:payout' : 'stripe:read']),
    }),
  )
  const { tokens, liveTokens } = survey(grants)
  expect([liveTokens, tokens.total, tokens.items.length]).toEqual([5000, 5000, 1000])
  expect(tokens.items[0]?.id).toBe('tok_00000000000000000010')
})
