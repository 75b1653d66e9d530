import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCoverage, anActivity } from '../../test/support/activities.ts'
import { aGrant, NOW } from '../../test/support/grants.ts'
import { aRuledCatalog } from '../../test/support/rules.ts'
import type { Activity } from '../audit/audit-index.ts'
import { createScopeBook } from './scope-book.ts'
import { tighten, type TightenFacts } from './tighten.ts'
import { replay } from './tighten-replay.ts'

const AGENT = 'order-processing-agent'
const book = createScopeBook(aRuledCatalog())

const tightenWith = (overrides: Partial<TightenFacts>) =>
  tighten({
    ...{ agent: AGENT, now: NOW, coverage: aCoverage(), book, recent: [] },
    tokens: [aGrant({ scopes: new Set(['stripe:read', 'stripe:write', 'stripe:payout']) })],
    activities: [anActivity()],
    ...overrides,
  })

it('proposes what was needed, and names what was held besides, worst first', () => {
  const report = tightenWith({
    activities: [
      anActivity(),
      anActivity({ rule: 'GET /v1/**', scopes: ['stripe:read'], count: 70 }),
      anActivity({ decision: 'deny', reason: 'scope_missing', scopes: ['stripe:refund'] }),
    ],
  })
  expect(report.needed.map(({ scope, calls }) => [scope, calls])).toEqual([
    ['stripe:write', 5],
    ['stripe:read', 70],
  ])
  expect(report.spare.map(({ scope }) => scope)).toEqual(['stripe:payout'])
  expect(report.replay).toEqual({ requests: 75, refused: 0, refusals: [], unknown: 0 })
  expect(report.surplus.items.map(({ operation }) => operation)).toEqual([
    'POST /v1/customers',
    'POST,PUT,PATCH /v1/prices/*',
  ])
})

it('gives the line that issues, with limits that history suggests, then the lines that revoke', () => {
  const recent = [0, 100, 900, 2000].map((ms) => ({ at: NOW - 5000 + ms, source: '10.1.2.4' }))
  const { commands, suggestion } = tightenWith({ recent })
  expect(commands).toEqual([
    `apistronghold token issue --agent ${AGENT} --scopes stripe:write --ttl 1h --bind cidr=10.1.2.3/32 --bind cidr=10.1.2.4/32 --rate 6/s`,
    'apistronghold token revoke tok_00000000000000000001',
  ])
  expect(suggestion.grounds).toHaveLength(3)
})

it('keeps what the newest token is bound and limited by, and never allows a higher rate', () => {
  const bound = aGrant({
    bindings: { dpop: 'A'.repeat(43), firstUse: true, cidr: ['10.0.0.0/8'] },
    limits: { maxRequests: 100, ratePerSecond: 2 },
  })
  const older = aGrant({ id: 'tok_00000000000000000009', issuedAt: NOW - 7_200_000 })
  const recent = Array.from({ length: 9 }, (_, n) => ({ at: NOW - 5000, source: `10.${n}.0.1` }))
  const { commands } = tightenWith({ tokens: [older, bound], recent })
  expect(commands[0]).toMatch(
    /--bind cidr=10\.0\.0\.0\/8 --bind dpop=A{43} --bind first-use --max-requests 100 --rate 2\/s$/,
  )
})

it.each([
  [5, '5/s'],
  [10 / 60, '10/m'],
  [7 / 3600, '7/h'],
  [0.123456, '444/h'],
])('writes a rate of %d in a second as %s', (ratePerSecond, word) => {
  const { suggestion } = tightenWith({ tokens: [aGrant({ limits: { ratePerSecond } })] })
  expect(suggestion.rate).toBe(word)
})

it('leaves a token alone that holds no more than was needed', () => {
  const { commands, spare } = tightenWith({
    tokens: [aGrant({ scopes: new Set(['stripe:write']) })],
  })
  expect(spare).toEqual([])
  expect(commands).toHaveLength(1)
})

it('counts what tokens below its own needed, and says so', () => {
  const below = anActivity({
    agent: 'worker',
    scopes: ['stripe:refund'],
    rule: 'POST /v1/refunds/**',
  })
  const { needed } = tightenWith({ activities: [anActivity(), below] })
  expect(needed.map(({ scope, isForOthers }) => [scope, isForOthers])).toEqual([
    ['stripe:refund', true],
    ['stripe:write', false],
  ])
})

it('of an agent without a history proposes to revoke all that it holds', () => {
  const report = tightenWith({ activities: [] })
  expect(report.needed).toEqual([])
  expect(report.commands).toEqual([`apistronghold token revoke --agent ${AGENT}`])
  expect(report.suggestion).toEqual({ grounds: [] })
  expect(tightenWith({ activities: [], tokens: [] }).commands).toEqual([])
})

it('does not judge requests whose scope the catalogue has lost', () => {
  const gone = anActivity({ scopes: ['stripe:gone'], count: 3 })
  const { needed, replay: again } = tightenWith({ activities: [anActivity(), gone] })
  expect(needed.map(({ scope }) => scope)).toEqual(['stripe:write'])
  expect(again).toMatchObject({ requests: 8, refused: 0, unknown: 3 })
})

describe('the proposed scopes', () => {
  const SCOPES = ['stripe:read', 'stripe:write', 'stripe:refund', 'stripe:payout', 'openai:chat']
  const activities = fc.array(
    fc
      .uniqueArray(fc.constantFrom(...SCOPES), { minLength: 1, maxLength: 3 })
      .map((scopes): Activity => {
        const [first = ''] = scopes
        return anActivity({ scopes, service: first.slice(0, first.indexOf(':')) })
      }),
    { minLength: 1, maxLength: 8 },
  )

  it('refuse nothing that was let in, and are the smallest that do so', () => {
    fc.assert(
      fc.property(activities, (admitted) => {
        const report = tightenWith({ activities: admitted })
        const scopes = report.needed.map(({ scope }) => scope)
        expect(report.replay.refused).toBe(0)
        for (const left of scopes) {
          const fewer = scopes.filter((scope) => scope !== left)
          expect(
            replay(admitted, { scopes: fewer, book, bind: undefined }).refused,
          ).toBeGreaterThan(0)
        }
      }),
    )
  })
})
