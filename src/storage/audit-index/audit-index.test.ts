import { copyFileSync, existsSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aChange, anIntent, anOutcome, aRefusal, aRequestId } from '../../../test/support/audit.ts'
import { aGrant, anAccess } from '../../../test/support/grants.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { createTestIndex, NO_WATCH, type TestIndex } from '../../../test/support/test-index.ts'
import { createWrittenJournal, type WrittenJournal } from '../../../test/support/written-journal.ts'
import type { AuditQuery, AuditRecord } from '../../audit/audit-reader.ts'
import type { Watch } from '../../insight/watch.ts'
import type { LocalAuditIndex } from './audit-index.ts'

const T = Date.parse('2026-03-10T10:00:00.000Z')

let folder: TemporaryDirectory
let directory: string
let journal: WrittenJournal
let test: TestIndex

beforeEach(() => {
  folder = createTemporaryDirectory()
  directory = join(folder.path, 'audit')
  journal = createWrittenJournal(directory)
  test = createTestIndex(directory)
})

afterEach(async () => {
  await test.close()
  folder.remove()
})

const intent = (number: number, at = T + number) => {
  journal.intent(anIntent({ access: anAccess({ requestId: aRequestId(number) }) }), at)
}
const outcome = (number: number, at = T + number) => {
  journal.outcome(anOutcome({ requestId: aRequestId(number), status: 200 + number }), at)
}
const ids = (items: readonly AuditRecord[]) => items.map(({ requestId }) => requestId)
const idsOf = (...numbers: readonly number[]) => numbers.map(aRequestId)

const retire = (first: number, last: number, at: number) => {
  const details = { first, last, to: new Date(at - 1).toISOString() }
  journal.change(aChange({ action: 'audit.retire', target: 'local', details }), at)
}

async function read(index: LocalAuditIndex, asked: Partial<AuditQuery> = {}) {
  return (await index.query({ limit: 1000, ...asked })).items
}

describe('filling', () => {
  it('joins an outcome to its intent, whether they come together or much later', async () => {
    const index = test.start()
    intent(1)
    intent(2)
    outcome(1)
    expect((await read(index)).map(({ outcome: end }) => end)).toMatchObject([
      { status: 201 },
      null,
    ])
    outcome(2)
    expect((await read(index)).map(({ outcome: end }) => end)).toMatchObject([
      { status: 201 },
      { status: 202 },
    ])
  })

  it('goes on after a restart where it ended, with the requests that were open', async () => {
    intent(1)
    const first = test.start()
    expect(ids(await read(first))).toEqual(idsOf(1))
    await first.close()
    outcome(1)
    intent(2)
    const second = test.start()
    expect(await read(second)).toMatchObject([{ outcome: { status: 201 } }, { outcome: null }])
    expect(await second.activity({})).toMatchObject([{ count: 2, responseBytes: 4096 }])
    expect(await second.status()).toMatchObject({ records: 2, behindBytes: 0, isRebuilding: false })
  })

  it('leaves a torn line for later and stops at the room behind the last one', async () => {
    const index = test.start()
    intent(1)
    journal.raw('{"seq":2,"ti')
    expect(ids(await read(index))).toEqual(idsOf(1))
    truncateSync(journal.path, statSync(journal.path).size - 12)
    const size = statSync(journal.path).size
    truncateSync(journal.path, size + 100_000)
    expect(ids(await read(index))).toEqual(idsOf(1))
    expect(await index.status()).toMatchObject({ behindBytes: 0 })
    truncateSync(journal.path, size)
    intent(2)
    truncateSync(journal.path, size + 100_000)
    expect(ids(await read(index))).toEqual(idsOf(1, 2))
  })

  it('loses nothing when the very first batch fails', async () => {
    intent(1)
    intent(2)
    let isBroken = true
    const index = test.start(() => ({
      ...NO_WATCH,
      observe() {
        if (isBroken) throw new Error('trouble')
        return []
      },
    }))
    await expect(read(index)).rejects.toThrow('cannot be used')
    isBroken = false
    expect(ids(await read(index))).toEqual(idsOf(1, 2))
  })

  it('finds those below an agent that never called itself', async () => {
    const issued = { target: 'tok_parent', details: { agent: 'orchestrator' } }
    journal.change(aChange({ action: 'token.issue', ...issued }), T)
    const grant = aGrant({ agent: 'worker', id: 'tok_child', chain: ['tok_parent'] })
    const access = anAccess({ requestId: aRequestId(1) })
    journal.intent(anIntent({ grant, access }), T + 1)
    const found = await read(test.start(), { agent: 'orchestrator', withDescendants: true })
    expect(ids(found)).toEqual(idsOf(1))
  })

  it('passes over what is no record', async () => {
    intent(1)
    journal.raw(
      `noise\n${'x'.repeat(5_000_000)}\n{"seq":"no"}\n{"seq":7,"time":"2026-03-10T10:00:00.000Z","kind":"intent","requestId":null,torn}\n`,
    )
    intent(2)
    writeFileSync(join(directory, 'stray'), '')
    expect(ids(await read(test.start()))).toEqual(idsOf(1, 2))
  })

  it('takes lines that stand there twice once', async () => {
    intent(1)
    outcome(1)
    const index = test.start()
    expect(await index.activity({})).toMatchObject([{ count: 1 }])
    const twin = join(directory, 'local', '0000000000000009.jsonl')
    copyFileSync(journal.path, twin)
    expect(await index.activity({})).toMatchObject([{ count: 1, responseBytes: 4096 }])
  })

  it('forgets what the journal took back, and takes what came in its place', async () => {
    intent(1)
    const size = statSync(journal.path).size
    intent(2)
    const index = test.start()
    expect(ids(await read(index))).toEqual(idsOf(1, 2))
    truncateSync(journal.path, size)
    const other = createWrittenJournal(folder.path, { writer: 'other' })
    other.refusal(aRefusal({ requestId: aRequestId(9) }), T + 9)
    expect(ids(await read(index))).toEqual(idsOf(1))
    expect(await index.activity({})).toMatchObject([{ count: 1 }])
  })

  it('forgets segments that were retired, and keeps the sums of what is left', async () => {
    intent(1)
    outcome(1)
    intent(2)
    const old = journal.path
    journal.rotate(T + 10)
    outcome(2)
    intent(3)
    outcome(3)
    const index = test.start()
    expect(await index.activity({})).toMatchObject([{ count: 3 }])
    await index.close()
    retire(1, 3, T + 30)
    rmSync(old)
    const again = test.start()
    await vi.waitFor(async () => {
      expect(await again.status()).toMatchObject({ records: 2 })
    }, 15_000)
    expect(ids(await read(again, { path: '/v1/charges' }))).toEqual(idsOf(3))
    expect(await again.activity({})).toMatchObject([{ count: 1, responseBytes: 4096 }])
    expect(await again.status()).not.toHaveProperty('missing')
  })

  it('knows how far back it goes, and from the record what was let go', async () => {
    intent(1)
    const old = journal.path
    journal.rotate(T + 10)
    intent(3, T + 20)
    const index = test.start()
    await read(index)
    expect(await index.status()).toMatchObject({ oldestAt: T + 1 })
    expect(await index.status()).not.toHaveProperty('retiredBefore')
    for (const newest of [T + 1, T - 50]) {
      const details = { first: 1, last: 1, to: new Date(newest).toISOString() }
      journal.change(aChange({ action: 'audit.retire', target: 'local', details }), T + 30)
    }
    rmSync(old)
    await index.close()
    const again = test.start()
    await vi.waitFor(async () => {
      expect(await again.status()).toMatchObject({ oldestAt: T + 20, retiredBefore: T + 2 })
    })
    await again.rebuild()
    await read(again)
    expect(await again.status()).toMatchObject({ oldestAt: T + 20, retiredBefore: T + 2 })
  })

  it('reads all writers in the order of time', async () => {
    const worker = createWrittenJournal(directory, { writer: 'worker-1' })
    for (let number = 1; number <= 9; number++)
      (number % 3 === 0 ? worker : journal).change(
        aChange({ requestId: aRequestId(number) }),
        T + number,
      )
    const index = test.start()
    expect(ids(await read(index))).toEqual(idsOf(1, 2, 3, 4, 5, 6, 7, 8, 9))
    worker.change(aChange({ requestId: aRequestId(10) }), T + 10)
    expect(ids(await read(index, { limit: 2, order: 'newest' }))).toEqual(idsOf(10, 9))
  })
})

describe('the file', () => {
  const fillSome = (from: number) => {
    for (let number = from; number < from + 20; number++) {
      intent(number)
      outcome(number)
    }
  }

  it('is its owner’s alone', async () => {
    intent(1)
    await read(test.start())
    for (const suffix of ['', '-wal', '-shm'])
      expect(statSync(test.path + suffix).mode & 0o777).toBe(0o600)
  })

  it('may be deleted', async () => {
    fillSome(0)
    const index = test.start()
    const before = await read(index)
    await index.close()
    rmSync(test.path)
    expect(await read(test.start())).toEqual(before)
  })

  it.each<[string, (path: string) => void]>([
    [
      'is no database',
      (path) => {
        writeFileSync(path, 'x'.repeat(50_000), { mode: 0o600 })
      },
    ],
    [
      'was cut',
      (path) => {
        truncateSync(path, 20_000)
      },
    ],
    [
      'is of another release',
      (path) => {
        const database = new DatabaseSync(path)
        database.exec('PRAGMA user_version = 99')
        database.close()
      },
    ],
  ])('is set aside with a word in the log when it %s', async (...[, damage]) => {
    fillSome(0)
    const index = test.start()
    const before = await read(index)
    await index.close()
    damage(test.path)
    const again = test.start()
    await vi.waitFor(async () => {
      expect(await read(again)).toEqual(before)
    }, 5000)
    expect(test.events).toContain('audit_index_set_aside')
    expect(existsSync(`${test.path}.damaged`)).toBe(true)
  })

  it('is built anew on request, and cursors from before still lead on', async () => {
    fillSome(0)
    const index = test.start()
    const before = await index.query({ limit: 7 })
    await index.rebuild()
    fillSome(20)
    const rest = await read(index, { cursor: before.nextCursor ?? '' })
    expect(ids([...before.items, ...rest])).toEqual(
      idsOf(...Array.from({ length: 40 }, (_, n) => n)),
    )
    expect(await index.status()).toMatchObject({ records: 40, isRebuilding: false })
  })
})

describe('the watch', () => {
  /** Finds something in every refusal; learns how many records an agent had. */
  function createCountingWatch(learnt: ReadonlyMap<string, unknown>): Watch {
    const counts = new Map(learnt as ReadonlyMap<string, number>)
    let changed = new Set<string>()
    return {
      observe(record) {
        const agent = String(record.agent)
        counts.set(agent, (counts.get(agent) ?? 0) + 1)
        changed.add(agent)
        if (record.kind !== 'refusal') return []
        const count = counts.get(agent) ?? 0
        const known = { at: Date.parse(String(record.time)), agent, tokenId: undefined }
        const requestId = String(record.requestId)
        return [{ rule: 'refusal_burst', ...known, requestId, score: 1, reason: `number ${count}` }]
      },
      takeLearnt() {
        const taken = new Map([...changed].map((agent) => [agent, counts.get(agent)]))
        changed = new Set()
        return taken
      },
    }
  }
  const refuse = (number: number, at = Date.now() + 1000 + number) => {
    journal.refusal(aRefusal({ requestId: aRequestId(number) }), at)
  }
  const reasons = () => test.found.flat().map(({ key, reason }) => [key, reason])

  it('finds nothing in records from before the index, but learns from them', async () => {
    refuse(1, T)
    refuse(2, T)
    const index = test.start(createCountingWatch)
    await read(index)
    expect(reasons()).toEqual([])
    refuse(3)
    await read(index)
    expect(reasons()).toEqual([['local:3:refusal_burst', 'number 3']])
  })

  it('tells again what nobody took over, and knows after a restart what it knew', async () => {
    const first = test.start(createCountingWatch)
    refuse(1)
    await read(first)
    await first.close()
    const second = test.start(createCountingWatch)
    refuse(2)
    await read(second)
    await second.acknowledge(['local:1:refusal_burst', 'local:2:refusal_burst'])
    await second.close()
    expect(reasons()).toEqual([
      ['local:1:refusal_burst', 'number 1'],
      ['local:1:refusal_burst', 'number 1'],
      ['local:2:refusal_burst', 'number 2'],
    ])
    await read(test.start(createCountingWatch))
    expect(reasons()).toHaveLength(3)
  })

  it('keeps what was found when the index is built anew', async () => {
    const index = test.start(createCountingWatch)
    refuse(1)
    await read(index)
    await index.rebuild()
    await read(index)
    await index.close()
    await read(test.start(() => NO_WATCH))
    expect(reasons().at(-1)).toEqual(['local:1:refusal_burst', 'number 1'])
  })
})

describe('activity', () => {
  it('adds up requests that were alike, exactly within the time asked for', async () => {
    const HOUR = 3_600_000
    for (let number = 0; number < 50; number++) {
      const requestId = aRequestId(number)
      const agent = number % 2 === 0 ? 'even' : 'odd'
      const access = anAccess({ requestId, source: `10.0.0.${number}` })
      const at = T + number * 0.1 * HOUR
      journal.intent(anIntent({ grant: aGrant({ agent, id: `tok_${agent}` }), access }), at)
      const usage = { amount: 100, currency: 'eur', inputTokens: 7 }
      journal.outcome(
        anOutcome({ requestId, usage, status: number % 10 === 0 ? 500 : 200 }),
        at + 1,
      )
    }
    const index = test.start()
    const since = T + 0.55 * HOUR
    const until = T + 4.05 * HOUR
    const [even, ...others] = await index.activity({ since, until, agents: ['even'] })
    expect(others).toEqual([])
    // Numbers 6, 8, ... 40 of which 10, 20, 30 and 40 failed.
    expect(even).toEqual({
      ...{ agent: 'even', tokenId: 'tok_even', service: 'stripe', scopes: ['stripe:write'] },
      ...{ method: 'POST', rule: 'POST /v1/charges', decision: 'allow', reason: undefined },
      credential: { name: 'stripe', version: '3' },
      ...{ count: 18, failed: 4, firstAt: T + 0.6 * HOUR, lastAt: T + 4 * HOUR },
      ...{ lastSource: '10.0.0.40', requestBytes: 18 * 120, responseBytes: 18 * 4096 },
      usage: { inputTokens: 18 * 7, amounts: { eur: 1800 } },
    })
    expect(await index.activity({ since, until })).toHaveLength(2)
    expect(await index.activity({ tokenIds: ['tok_odd'] })).toMatchObject([{ count: 25 }])
    expect(await index.activity({ credential: 'stripe' })).toHaveLength(2)
    expect(await index.activity({ credential: 'openai' })).toEqual([])
    expect(
      await index.activity({ since: T + 0.15 * HOUR, until: T + 0.45 * HOUR, agents: ['odd'] }),
    ).toMatchObject([{ count: 1 }])
  })
})

describe('a question', () => {
  it('lets the event loop turn, and the index fill, while it looks at much', async () => {
    for (let number = 0; number < 30_000; number++) intent(number)
    const index = test.start()
    await vi.waitFor(async () => {
      expect(await index.status()).toMatchObject({ isRebuilding: false })
    }, 15_000)
    let turns = 0
    const turn = () => {
      turns++
      immediate = setImmediate(turn)
    }
    let immediate = setImmediate(turn)
    expect(await read(index, { path: '/nowhere' })).toEqual([])
    clearImmediate(immediate)
    expect(turns).toBeGreaterThan(0)
  })

  it('is refused when its cursor is none of ours', async () => {
    intent(1)
    const index = test.start()
    for (const cursor of ['', 'AAAA', 'W10x', Buffer.from('[1,2,"x"]').toString('base64url')])
      await expect(read(index, { cursor })).rejects.toThrow(
        expect.objectContaining({ code: 'usage_invalid' }) as Error,
      )
  })
})
