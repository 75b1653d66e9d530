import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AuditFilter, AuditRecord } from '../../src/audit/audit-reader.ts'
import type { LocalAuditIndex } from '../../src/storage/audit-index/audit-index.ts'
import { aChange, anIntent, anOutcome, aRefusal, aRequestId } from '../support/audit.ts'
import { recordsAskedFor } from '../support/audit-filter.ts'
import { aGrant, anAccess } from '../support/grants.ts'
import { createTestIndex } from '../support/test-index.ts'
import { createTestJournal, type TestJournal } from '../support/journal.ts'

/** Whatever is written, in whatever order, and whatever becomes of the index: it answers as a look at each line would. */

const AGENTS = ['a', 'a-b', 'worker'] as const
const SERVICES = ['stripe', 'openai'] as const
const PATHS = ['/v1/charges', '/v1/Charges/x', '/v1', '/%'] as const

const event = fc.record({
  kind: fc.constantFrom('intent', 'intent', 'outcome', 'refusal', 'change'),
  number: fc.nat(12),
  agent: fc.constantFrom(...AGENTS),
  service: fc.constantFrom(...SERVICES),
  path: fc.constantFrom(...PATHS),
  status: fc.constantFrom(200, 204, 404, 503),
  passMs: fc.constantFrom(0, 1, 1000, 3_600_000, 90_000_000),
})
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

const disturbance = fc.constantFrom('nothing', 'nothing', 'restart', 'rebuild')

const filter: fc.Arbitrary<AuditFilter> = fc.record(
  {
    agent: fc.constantFrom(...AGENTS),
    service: fc.constantFrom(...SERVICES),
    path: fc.constantFrom(...PATHS),
    status: fc.constantFrom('200', '404', '2xx', '5xx'),
    decision: fc.constantFrom('allow' as const, 'deny' as const),
    requestId: fc.nat(12).map(aRequestId),
    text: fc.constantFrom('charges', 'WORKER', '%', '"'),
  },
  { requiredKeys: [] },
)

async function write(test: TestJournal, events: readonly Event[]): Promise<void> {
  const journal = await test.open()
  for (const { kind, number, agent, service, path, status, passMs } of events) {
    test.clock.now += passMs
    const requestId = aRequestId(number)
    const grant = aGrant({ agent, id: `tok_${agent}` })
    const access = anAccess({ requestId, service, path, receivedAt: test.clock.now })
    if (kind === 'intent') await journal.intent(anIntent({ grant, access }))
    if (kind === 'refusal') await journal.refusal(aRefusal({ requestId, grant, access }))
    if (kind === 'outcome') journal.outcome(anOutcome({ requestId, status }))
    if (kind === 'change') await journal.change(aChange({ requestId }))
  }
  await journal.close()
}

async function pages(
  index: LocalAuditIndex,
  asked: AuditFilter,
  limit: number,
): Promise<readonly AuditRecord[]> {
  const items: AuditRecord[] = []
  for (let cursor: string | undefined; ;) {
    const page = await index.query({ ...asked, limit, ...(cursor !== undefined && { cursor }) })
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
  const questions = fc.array(fc.tuple(filter, fc.integer({ min: 1, max: 30 })), {
    minLength: 1,
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(parts, questions, async (written, asked) => {
      const test = createTestJournal()
      const folder = createTestIndex(test.directory)
      let index = folder.start()
      try {
        const all: Event[] = []
        for (const [events, what] of written) {
          const before = once(all).length
          all.push(...events)
          await write(test, once(all).slice(before))
          if (what === 'rebuild') await index.rebuild()
          if (what === 'restart') {
            await index.close()
            index = folder.start()
          }
        }
        for (const [question, limit] of asked)
          expect(await pages(index, question, limit)).toEqual(
            recordsAskedFor(test.records(), question),
          )
      } finally {
        await folder.close()
        await test.remove()
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)
