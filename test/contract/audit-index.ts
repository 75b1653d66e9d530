/** What every index of the audit must answer, whatever it is kept in. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditIndex, CountQuery } from '../../src/audit/audit-index.ts'
import type { AuditLog } from '../../src/audit/audit-log.ts'
import type { AuditFilter, AuditQuery, AuditRecord } from '../../src/audit/audit-reader.ts'
import {
  aChange,
  anIntent,
  anOutcome,
  anUnrecognised,
  aRefusal,
  aRequestId,
} from '../support/audit.ts'
import { recordsAskedFor } from '../support/audit-filter.ts'
import { aGrant, anAccess, NOW } from '../support/grants.ts'

export interface OpenedAuditIndex {
  readonly log: AuditLog
  readonly index: AuditIndex
  readonly clock: { now: number }
  /** Everything that was written, as the journal has it. */
  readonly records: () => readonly AuditRecord[]
  readonly remove: () => Promise<void>
}

export type OpenAuditIndex = () => Promise<OpenedAuditIndex>

/** An orchestrator, its child and grandchild, and somebody else: each does a little of everything. */
async function writeHistory({ log, clock }: OpenedAuditIndex): Promise<void> {
  for (let number = 0; number < 80; number++) {
    clock.now = NOW + number * 1000
    await writeOne(log, number, clock.now)
  }
  log.count(anUnrecognised({ requestId: aRequestId(99), at: clock.now }))
  await log.change(aChange({ requestId: aRequestId(100) }))
}

const DEPTHS = [
  { id: 'tok_root', agent: 'root-agent', chain: [] },
  { id: 'tok_child', agent: 'child-agent', chain: ['tok_root'] },
  {
    ...{ id: 'tok_grandchild', agent: 'grandchild-agent', sessionId: 'ses_1' },
    chain: ['tok_root', 'tok_child'],
  },
  { id: 'tok_other', agent: 'root-agent-2', chain: [] },
] as const

const ACTIONS = ['token.issue', 'token.revoke', 'tokens', 'secret.set'] as const

async function writeOne(log: AuditLog, number: number, now: number): Promise<void> {
  const requestId = aRequestId(number)
  const grant = aGrant(DEPTHS[number % 4])
  const access = anAccess({
    ...{ requestId, receivedAt: now },
    ...(number % 5 === 0 && { service: 'openai', path: '/v1/Chat', rule: 'POST /v1/chat' }),
    source: number % 3 === 0 ? `10.1.${number}.7` : '2001:db8::7',
  })
  if (number % 7 === 3) {
    await log.refusal(aRefusal({ requestId, grant, access, at: now, source: '192.0.2.9' }))
    return
  }
  if (number % 11 === 5) {
    const operator = number % 4 === 0 ? 'bob' : 'alice'
    await log.change(aChange({ action: ACTIONS[number % 4] ?? '', requestId, operator }))
    return
  }
  await log.intent(anIntent({ grant, access, userAgent: 'it says "Ünïcode"\u2028\\' }))
  if (number % 13 !== 0) log.outcome(anOutcome({ requestId, status: 200 + (number % 4) * 100 }))
}

const FILTERS: readonly (readonly [string, AuditFilter])[] = [
  ['everything', {}],
  ['an agent', { agent: 'root-agent' }],
  ['an agent that is the beginning of another', { agent: 'root' }],
  ['an agent and those below', { agent: 'root-agent', withDescendants: true }],
  ['an agent in the middle and those below', { agent: 'child-agent', withDescendants: true }],
  ['a token', { tokenId: 'tok_child' }],
  ['a token and those below', { tokenId: 'tok_child', withDescendants: true }],
  ['a session', { sessionId: 'ses_1' }],
  ['an operator', { operator: 'bob' }],
  ['a request', { requestId: aRequestId(21) }],
  ['a request that was never', { requestId: aRequestId(4242) }],
  ['a service', { service: 'openai' }],
  ['a scope', { scope: 'stripe:refund' }],
  ['a scope that is the beginning of another', { scope: 'stripe:ref' }],
  ['what was allowed', { decision: 'allow' }],
  ['what was refused', { decision: 'deny' }],
  ['a reason', { reason: 'scope_missing' }],
  ['a status', { status: '200' }],
  ['a class of statuses', { status: '4xx' }],
  ['another class of statuses', { status: '5xx' }],
  ['a path', { path: '/v1/ch' }],
  ['a path whose letters differ in case', { path: '/v1/Chat' }],
  ['a path with a pattern of SQL in it', { path: '/v1/%' }],
  ['an address', { source: '192.0.2.9' }],
  ['a network', { source: '10.1.0.0/16' }],
  ['a network of the other family', { source: '2001:db8::/32' }],
  ['an action', { action: 'token.revoke' }],
  ['all actions below a name', { action: 'token.' }],
  ['text, whatever its case', { text: 'CHAT' }],
  ['text beyond ASCII, whatever its case', { text: 'ÜNÏCODE' }],
  ['text with what JSON escapes', { text: 'says "ü' }],
  ['text with what the log writes as an escape', { text: 'ünïcode"\u2028\\' }],
  ['text that is nowhere', { text: 'nowhere to be found' }],
  ['text of an outcome', { text: '"status":300' }],
  ['a time', { since: NOW + 10_000, until: NOW + 30_000 }],
  ['a time that is empty', { since: NOW + 10_000, until: NOW + 10_000 }],
  [
    'much at once',
    {
      ...{ agent: 'root-agent', withDescendants: true, service: 'stripe', decision: 'allow' },
      ...{ status: '2xx', path: '/v1', source: '10.1.0.0/16', since: NOW + 5000, text: 'charges' },
    },
  ],
]

export function auditIndexContract(name: string, open: OpenAuditIndex): void {
  let opened: OpenedAuditIndex
  let index: AuditIndex

  const expected = (filter: AuditFilter) => recordsAskedFor(opened.records(), filter)

  async function pages(asked: AuditQuery): Promise<readonly AuditRecord[]> {
    const items: AuditRecord[] = []
    for (let cursor: string | undefined; ;) {
      const page = await index.query({ ...asked, ...(cursor === undefined ? {} : { cursor }) })
      expect(page.items.length).toBeLessThanOrEqual(asked.limit)
      items.push(...page.items)
      cursor = page.nextCursor
      if (cursor === undefined) return items
    }
  }

  describe(`${name} as an index of the audit`, () => {
    beforeAll(async () => {
      opened = await open()
      index = opened.index
      await writeHistory(opened)
    })

    afterAll(async () => {
      await opened.log.close()
      await opened.remove()
    })

    it.each(FILTERS)('finds %s', async (_case, filter) => {
      const all = expected(filter)
      expect(await pages({ ...filter, limit: 1000 })).toEqual(all)
      expect(await pages({ ...filter, limit: 7, order: 'newest' })).toEqual(all.toReversed())
    })

    it.each([1, 5, 79, 1000])('gives pages of %i, each record once', async (limit) => {
      expect(await pages({ limit })).toEqual(expected({}))
    })

    it('says where to go on when more will have come', async () => {
      const { endCursor, nextCursor } = await index.query({ limit: 1000 })
      expect(nextCursor).toBeUndefined()
      await opened.log.change(aChange({ requestId: aRequestId(101) }))
      const { items } = await index.query({ limit: 1000, cursor: endCursor })
      expect(items.map(({ requestId }) => requestId)).toEqual([aRequestId(101)])
    })

    it.each<[string, CountQuery]>([
      ['agent', { by: ['agent'] }],
      ['operation and decision', { by: ['operation', 'decision'], service: 'stripe' }],
      ['reason', { by: ['reason'], decision: 'deny', agent: 'child-agent' }],
      ['credential and day', { by: ['credential', 'day'], scope: 'stripe:write' }],
      ['token in a time', { by: ['tokenId'], since: NOW + 10_000, until: NOW + 50_000 }],
    ])('counts requests by %s', async (_case, asked) => {
      const { by, ...filter } = asked
      const counted = await index.counts(asked)
      const requests = expected(filter).filter(
        ({ kind }) => kind === 'intent' || kind === 'refusal',
      )
      expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(requests.length)
      expect(counted.every(({ key }) => key.length === by.length)).toBe(true)
      if (by[0] === 'agent')
        for (const { key, count } of counted)
          expect(count).toBe(requests.filter(({ agent }) => agent === key[0]).length)
    })

    it('sums activity up to what was let in and refused', async () => {
      const activity = await index.activity({ agents: ['child-agent'] })
      const requests = expected({ agent: 'child-agent' })
      for (const decision of ['allow', 'deny']) {
        const counted = activity.filter((each) => each.decision === decision)
        expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(
          requests.filter((record) => record.decision === decision).length,
        )
      }
      expect(activity.reduce((sum, { failed }) => sum + failed, 0)).toBe(
        expected({ agent: 'child-agent', status: '4xx' }).length +
          expected({ agent: 'child-agent', status: '5xx' }).length,
      )
    })
  })
}
