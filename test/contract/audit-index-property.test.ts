import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AuditFilter, AuditQuery, AuditRecord } from '../../src/audit/audit-reader.ts'
import type { Watch } from '../../src/insight/watch.ts'
import type { Journal } from '../../src/storage/journal/journal.ts'
import type { LocalAuditIndex } from '../../src/storage/audit-index/audit-index.ts'
import { aChange, anIntent, anOutcome, aRefusal, aRequestId } from '../support/audit.ts'
import { recordsAskedFor } from '../support/audit-filter.ts'
import { aGrant, anAccess, NOW } from '../support/grants.ts'
import { createTestIndex } from '../support/test-index.ts'
import { createTestJournal, type TestJournal } from '../support/journal.ts'

/** Whatever is written, in whatever order, and whatever becomes of the index: it answers as a look at each line would. */

/** `RUNS=1000` looks harder. */
const RUNS = Number(process.env['RUNS'] ?? 30)

/** Each has a token of its own; the later ones stand below the earlier. */
const AGENTS = ['a', 'a-b', 'worker'] as const
const CHAINS = { a: [], 'a-b': ['tok_a'], worker: ['tok_a', 'tok_a-b'] } as const
const SCOPES = ['stripe:read', 'stripe:write', 'stripe:refund'] as const
const SOURCES = ['10.1.2.3', '10.9.0.1', '2001:db8::7'] as const
const ACTIONS = ['token.issue', 'token.revoke', 'tokens'] as const
const SERVICES = ['stripe', 'openai'] as const
const PATHS = ['/v1/charges', '/v1/Charges/x', '/v1', '/%'] as const

const event = fc.record({
  kind: fc.constantFrom('intent', 'intent', 'outcome', 'refusal', 'change'),
  number: fc.nat(12),
  agent: fc.constantFrom(...AGENTS),
  service: fc.constantFrom(...SERVICES),
  path: fc.constantFrom(...PATHS),
  scopes: fc.uniqueArray(fc.constantFrom(...SCOPES), { minLength: 1 }),
  source: fc.constantFrom(...SOURCES),
  hasSession: fc.boolean(),
  action: fc.constantFrom(...ACTIONS),
  operator: fc.constantFrom('alice', 'bob'),
  status: fc.constantFrom(200, 204, 404, 503),
  passMs: fc.constantFrom(0, 1, 1000, 3_600_000, 90_000_000),
})
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

const disturbance = fc.record({
  kind: fc.constantFrom('nothing', 'nothing', 'restart', 'rebuild', 'crash'),
  after: fc.nat(20),
})

const filter: fc.Arbitrary<AuditFilter> = fc.record(
  {
    agent: fc.constantFrom(...AGENTS),
    service: fc.constantFrom(...SERVICES),
    path: fc.constantFrom(...PATHS),
    status: fc.constantFrom('200', '404', '2xx', '5xx'),
    decision: fc.constantFrom('allow' as const, 'deny' as const),
    requestId: fc.nat(12).map(aRequestId),
    text: fc.constantFrom('charges', 'WORKER', '%', '"'),
    tokenId: fc.constantFrom(...AGENTS.map((agent) => `tok_${agent}`)),
    withDescendants: fc.boolean(),
    sessionId: fc.constantFrom('ses_1', 'ses_2'),
    operator: fc.constantFrom('alice', 'carol'),
    scope: fc.constantFrom(...SCOPES, 'stripe:re'),
    reason: fc.constantFrom('scope_missing', 'token_revoked'),
    source: fc.constantFrom('10.1.2.3', '10.0.0.0/8', '2001:db8::/32'),
    action: fc.constantFrom('token.issue', 'token.'),
    since: fc.nat(200_000_000).map((after) => NOW + after),
    until: fc.nat(400_000_000).map((after) => NOW + after),
  },
  { requiredKeys: [] },
)

const NAMES = [
  'agent',
  'service',
  'path',
  'status',
  'decision',
  'requestId',
  'text',
  'tokenId',
  'sessionId',
  'operator',
  'scope',
  'reason',
  'source',
  'action',
  'since',
  'until',
]

/** Mostly few conditions, since many leave nothing to find. */
const question = fc
  .tuple(filter, fc.subarray(NAMES, { maxLength: 3 }))
  .map(([asked, names]): AuditFilter =>
    Object.fromEntries(
      Object.entries(asked).filter(
        ([name]) => names.includes(name) || (name === 'withDescendants' && hasFamily(names)),
      ),
    ),
  )

const hasFamily = (names: readonly string[]) => names.includes('agent') || names.includes('tokenId')

async function write(
  journal: Journal,
  clock: TestJournal['clock'],
  events: readonly Event[],
): Promise<void> {
  for (const { kind, number, agent, service, path, status, passMs, ...other } of events) {
    const { scopes, source, action, operator } = other
    clock.now += passMs
    const requestId = aRequestId(number)
    const sessionId = other.hasSession ? 'ses_1' : undefined
    const named = { agent, id: `tok_${agent}`, chain: CHAINS[agent] }
    const grant = aGrant({ ...named, ...(sessionId !== undefined && { sessionId }) })
    const place = { requestId, service, path, source, scopes }
    const access = anAccess({ ...place, receivedAt: clock.now })
    if (kind === 'intent') await journal.intent(anIntent({ grant, access }))
    if (kind === 'refusal') await journal.refusal(aRefusal({ requestId, grant, access, source }))
    if (kind === 'outcome') journal.outcome(anOutcome({ requestId, status }))
    const issue = { action, target: `tok_${agent}`, details: { agent } }
    if (kind === 'change') await journal.change(aChange({ ...issue, requestId, operator, source }))
  }
  await journal.flush()
}

/** Breaks once, in the middle of a transaction. */
function createBreakingWatch() {
  let left = -1
  const watch: Watch = {
    observe() {
      if (left-- === 0) throw new Error('a crash')
      return []
    },
    takeLearnt: () => new Map(),
  }
  return { watch, breakAfter: (records: number) => void (left = records) }
}

async function pages(
  index: LocalAuditIndex,
  asked: Omit<AuditQuery, 'cursor'>,
): Promise<readonly AuditRecord[]> {
  const items: AuditRecord[] = []
  for (let cursor: string | undefined; ;) {
    const page = await index.query({ ...asked, ...(cursor !== undefined && { cursor }) })
    items.push(...page.items)
    cursor = page.nextCursor
    if (cursor === undefined) return items
  }
}

/** Each request once, since a number is given once; an outcome of a request that never began is left out. */
function once(events: readonly Event[]): readonly Event[] {
  const begun = new Set<number>()
  const ended = new Set<number>()
  return events.filter(({ kind, number }) => {
    if (kind === 'outcome') return begun.has(number) && !ended.has(number) && ended.add(number)
    if (kind === 'change') return true
    if (begun.has(number)) return false
    begun.add(number)
    if (kind === 'refusal') ended.add(number)
    return true
  })
}

it('AU-08 the index answers as a look at each line would, whatever was written and disturbed', async () => {
  const parts = fc.array(fc.tuple(fc.array(event, { maxLength: 25 }), disturbance), {
    minLength: 1,
    maxLength: 3,
  })
  const questions = fc.array(fc.tuple(question, fc.integer({ min: 1, max: 30 })), {
    minLength: 1,
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(parts, questions, async (written, asked) => {
      const test = createTestJournal()
      const folder = createTestIndex(test.directory)
      const { watch, breakAfter } = createBreakingWatch()
      let index = folder.start(() => watch)
      try {
        const journal = await test.open()
        const all: Event[] = []
        for (const [events, what] of written) {
          const before = once(all).length
          all.push(...events)
          if (what.kind === 'crash') breakAfter(what.after)
          await write(journal, test.clock, once(all).slice(before))
          if (what.kind === 'rebuild') await index.rebuild()
          if (what.kind === 'crash') await index.query({ limit: 1 }).catch(() => undefined)
          if (what.kind === 'restart') {
            await index.close()
            index = folder.start(() => watch)
          }
        }
        breakAfter(-1)
        for (const [filter, limit] of asked) {
          const expected = recordsAskedFor(test.records(), filter)
          expect(await pages(index, { ...filter, limit })).toEqual(expected)
          const newest = await pages(index, { ...filter, limit, order: 'newest' })
          expect(newest).toEqual(expected.toReversed())
        }
      } finally {
        await folder.close()
        await test.remove()
      }
    }),
    { numRuns: RUNS },
  )
}, 60_000)
