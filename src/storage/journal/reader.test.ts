import { appendFileSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  aChange,
  anIntent,
  anOutcome,
  anUnrecognised,
  aRefusal,
  aRequestId,
  intentOf,
} from '../../../test/support/audit.ts'
import { aGrant, anAccess, NOW } from '../../../test/support/grants.ts'
import { createTestJournal, type TestJournal } from '../../../test/support/journal.ts'
import type { AuditQuery, AuditReader, AuditRecord } from '../../audit/audit-reader.ts'
import type { Journal } from './journal.ts'
import { createJournalReader } from './reader.ts'

let test: TestJournal
let reader: AuditReader

beforeEach(() => {
  test = createTestJournal()
  reader = createJournalReader({ directory: test.directory, now: () => NOW })
})

afterEach(async () => {
  await test.remove()
})

const query = async (asked: Partial<AuditQuery> = {}) =>
  (await reader.query({ limit: 1000, ...asked })).items

async function allPages(asked: AuditQuery): Promise<AuditRecord[]> {
  const items: AuditRecord[] = []
  let page = await reader.query(asked)
  for (;;) {
    expect(page.items.length).toBeLessThanOrEqual(asked.limit)
    items.push(...page.items)
    if (page.nextCursor === undefined) return items
    page = await reader.query({ ...asked, cursor: page.nextCursor })
  }
}

const by = (agent: string, number: number, service = 'stripe') =>
  anIntent({
    grant: aGrant({ agent }),
    access: anAccess({ requestId: aRequestId(number), service }),
  })

const DAY_MS = 24 * 60 * 60 * 1000

const ids = (items: readonly AuditRecord[]) => items.map(({ requestId }) => requestId)

describe('a query', () => {
  it('of nothing gives nothing', async () => {
    expect(await reader.query({ limit: 10 })).toEqual({ items: [] })
    await test.open()
    expect(await reader.query({ limit: 10 })).toEqual({ items: [] })
  })

  it('gives an intent and its outcome as one item, oldest first', async () => {
    const journal = await test.open()
    for (const number of [1, 2, 3]) await journal.intent(intentOf(number))
    journal.outcome(anOutcome({ requestId: aRequestId(3), status: 503 }))
    journal.outcome(anOutcome({ requestId: aRequestId(1), status: 200 }))
    await journal.flush()
    const items = await query()
    expect(ids(items)).toEqual([1, 2, 3].map(aRequestId))
    expect(items.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'outcome', result: 'answered', status: 200 },
      null,
      { status: 503 },
    ])
  })

  it('gives everything else too when nothing narrows it, but not how segments begin', async () => {
    const journal = await test.open()
    await journal.change(aChange())
    await journal.refusal(aRefusal())
    journal.count(anUnrecognised())
    await journal.flush()
    expect((await query()).map(({ kind }) => kind)).toEqual(['change', 'refusal', 'counted'])
  })

  it.each<[string, Partial<AuditQuery>, readonly number[]]>([
    ['an agent', { agent: 'one' }, [1, 3]],
    ['an agent by its whole name', { agent: 'on' }, []],
    ['an agent that has nothing to do with a pattern', { agent: '.*' }, []],
    ['an agent with a strange name', { agent: 'a"b\\c\n' }, [6]],
    ['a service', { service: 'openai' }, [2, 3]],
    ['what was allowed', { decision: 'allow' }, [1, 2, 3, 6]],
    ['what was refused', { decision: 'deny' }, [4, 5]],
    ['all at once', { agent: 'one', service: 'openai', decision: 'allow' }, [3]],
    ['the time from an instant on', { since: NOW + 3000 }, [3, 4, 5, 6]],
    ['the time before an instant', { until: NOW + 3000 }, [1, 2]],
    ['a time that is empty', { since: NOW + 3000, until: NOW + 3000 }, []],
  ])('narrows to %s', async (_case, asked, expected) => {
    const journal = await test.open()
    test.clock.now = NOW + 1000
    await journal.intent(by('one', 1))
    test.clock.now = NOW + 2000
    await journal.intent(by('two', 2, 'openai'))
    test.clock.now = NOW + 3000
    await journal.intent(by('one', 3, 'openai'))
    await journal.refusal(aRefusal({ requestId: aRequestId(4) }))
    journal.count(anUnrecognised({ requestId: aRequestId(5) }))
    await journal.flush()
    await journal.intent(by('a"b\\c\n', 6))
    expect(ids(await query(asked))).toEqual(expected.map(aRequestId))
  })
})

describe('pages', () => {
  const fill = async (journal: Journal, count: number) => {
    for (let number = 1; number <= count; number++) {
      test.clock.now += 1000
      await journal.intent(by(number % 2 === 0 ? 'even' : 'odd', number))
      if (number > 10)
        journal.outcome(anOutcome({ requestId: aRequestId(number - 10), status: number }))
    }
    await journal.flush()
  }

  it.each([1, 7, 25, 26])(
    'of %d give each record once, in order, with its outcome',
    async (limit) => {
      await fill(await test.open({ segmentBytes: 8192 }), 50)
      expect(test.segments().length).toBeGreaterThan(3)
      const items = await allPages({ agent: 'odd', limit })
      expect(ids(items)).toEqual(
        Array.from({ length: 25 }, (_, index) => aRequestId(2 * index + 1)),
      )
      expect(items.slice(0, 20)).toEqual(
        items.slice(0, 20).map((item, index) => ({
          ...item,
          outcome: expect.objectContaining({ status: 2 * index + 11 }) as object,
        })),
      )
    },
  )

  it('stay stable while the log grows and while its beginning goes away', async () => {
    const journal = await test.open({ segmentBytes: 4096 })
    await fill(journal, 20)
    const first = await reader.query({ limit: 10 })
    await fill(journal, 0)
    await journal.intent(intentOf(21))
    unlinkSync(join(test.own, test.segments()[0] ?? ''))
    const rest = await reader.query({ limit: 100, cursor: first.nextCursor ?? '' })
    expect(ids([...first.items, ...rest.items])).toEqual(
      Array.from({ length: 21 }, (_, index) => aRequestId(index + 1)),
    )
  })

  it.each(['', 'AAAA', 'W10x', Buffer.from('[["../x",1,0]]').toString('base64url')])(
    'refuse %j, which is no cursor',
    async (cursor) => {
      await expect(reader.query({ limit: 1, cursor })).rejects.toThrow(
        expect.objectContaining({ code: 'usage_invalid' }) as Error,
      )
    },
  )
})

describe('several writers', () => {
  it('are read as one log in the order of time', async () => {
    const [one, two] = [await test.open(), await test.open({ writer: 'replica-2' })]
    for (let number = 1; number <= 10; number++) {
      test.clock.now += 1000
      const writer = number % 3 === 0 ? one : two
      await writer.intent(intentOf(number))
      writer.outcome(anOutcome({ requestId: aRequestId(number) }))
    }
    await one.flush()
    await two.flush()
    const items = await allPages({ limit: 3 })
    expect(ids(items)).toEqual(Array.from({ length: 10 }, (_, index) => aRequestId(index + 1)))
    expect(items[2]).toMatchObject({ writer: 'local' })
    expect(items[3]).toMatchObject({ writer: 'replica-2', outcome: { writer: 'replica-2' } })
  })
})

describe('what is not a record', () => {
  it('does not disturb: a line that is being written, noise, other files', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    const path = join(test.own, test.segments()[0] ?? '')
    appendFileSync(path, `noise\n${'x'.repeat(3_000_000)}\n${'\0'.repeat(4096)}\n{"seq":9,"ti`)
    writeFileSync(join(test.own, 'checkpoint'), 'apistronghold/production/local\n')
    writeFileSync(join(test.directory, 'stray'), '')
    mkdirSync(join(test.directory, '.hidden'))
    expect(ids(await query())).toEqual([aRequestId(1)])
    appendFileSync(path, 'me":1}\n')
    expect(ids(await query())).toEqual([aRequestId(1)])
  })
})

describe('a long log', () => {
  it('is not read where it cannot matter', async () => {
    const journal = await test.open()
    for (let number = 1; number <= 5; number++) {
      await journal.intent(intentOf(number))
      test.clock.now += DAY_MS
    }
    const [first = '', last = ''] = [0, 4].map((index) =>
      join(test.own, test.segments()[index] ?? ''),
    )
    // A record of the time that is asked for, where nobody has a reason to look for it.
    const planted = readFileSync(last, 'utf8').replaceAll(aRequestId(5), 'req_planted')
    writeFileSync(first, planted + readFileSync(first, 'utf8'))
    const since = NOW + 3 * DAY_MS
    expect(ids(await query({ since }))).toEqual([4, 5].map(aRequestId))
    expect(ids(await query())).toContain('req_planted')
  })

  it('lets the event loop turn while it is read', async () => {
    const journal = await test.open()
    for (let block = 0; block < 20; block++)
      await Promise.all(
        Array.from({ length: 500 }, (_, number) => journal.intent(intentOf(500 * block + number))),
      )
    let turns = 0
    const turn = () => {
      turns++
      immediate = setImmediate(turn)
    }
    let immediate = setImmediate(turn)
    expect(await query({ agent: 'nobody' })).toEqual([])
    clearImmediate(immediate)
    // Six megabytes, in blocks of a quarter.
    expect(turns).toBeGreaterThan(20)
  })
})
