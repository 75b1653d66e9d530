import fc from 'fast-check'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aChange, anOutcome, aRequestId, intentOf } from '../../../test/support/audit.ts'
import { createTestJournal, type TestJournal } from '../../../test/support/journal.ts'
import { vkeyOf } from '../../../test/support/signed-audit.ts'
import { verifyAudit } from '../../audit-files/verify.ts'
import type { Journal } from './journal.ts'
import {
  findDue,
  lastWriteAt,
  removeDue,
  type DueSegments,
  type KeptSegment,
  type RemovingFiles,
} from './retire.ts'

const DAY = 86_400_000
const { privateKey: key } = generateKeyPairSync('ed25519')

let test: TestJournal
let begin: number
let kept: KeptSegment[]

beforeEach(() => {
  test = createTestJournal()
  begin = test.clock.now
  kept = []
})

afterEach(async () => {
  await test.remove()
})

const open = (writer = 'local') =>
  test.open({ writer, sign: { key, origin: `apistronghold/production/${writer}` } })

/** One segment for each day, of three records: its opening, an intent and an outcome. */
async function writeDays(journal: Journal, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    test.clock.now = begin + day * DAY
    await journal.intent(intentOf(day))
    journal.outcome(anOutcome({ requestId: aRequestId(day) }))
    await journal.flush()
  }
}

async function written(days = 5): Promise<void> {
  const journal = await open()
  await writeDays(journal, days)
  await journal.close()
}

async function dueBefore(day: number, mostSegments = 100): Promise<readonly DueSegments[]> {
  const due: DueSegments[] = []
  const found = findDue({
    ...{ directory: test.directory, before: begin + day * DAY, mostSegments },
    onKept: (one) => {
      kept.push(one)
    },
  })
  for await (const one of found) due.push(one)
  return due
}

/** As a server says it before anything goes. */
async function putOnRecord(due: DueSegments | undefined): Promise<void> {
  if (!due) return
  const journal = await open(due.writer)
  const details = { first: due.first, last: due.last }
  await journal.change(aChange({ action: 'audit.retire', target: due.writer, details }))
  await journal.close()
}

async function retireBefore(day: number): Promise<void> {
  for (const due of await dueBefore(day)) {
    await putOnRecord(due)
    await removeDue(due)
  }
}

const verified = () => {
  writeFileSync(join(test.directory, 'checkpoint.pub'), `${vkeyOf(key)}\n`)
  return verifyAudit({ directory: test.directory, kept: [] })
}

describe('what is due', () => {
  it('is the oldest segments without anything that must be kept', async () => {
    await written()
    expect(await dueBefore(2)).toEqual([
      {
        ...{ writer: 'local', first: 1, last: 6, from: begin, to: begin + DAY },
        paths: test
          .segments()
          .slice(0, 2)
          .map((name) => join(test.own, name)),
      },
    ])
    expect(await dueBefore(0)).toEqual([])
    expect(kept).toEqual([])
  })

  it('is never the segment that is written to, however old', async () => {
    await written()
    expect(await dueBefore(1000)).toMatchObject([{ first: 1, last: 12 }])
  })

  it('is so much in one run, and the rest in the next', async () => {
    await written()
    expect(await dueBefore(1000, 2)).toMatchObject([{ first: 1, last: 6 }])
  })

  it('is counted for each writer, those included that nobody writes any more', async () => {
    await written()
    test.clock.now = begin
    const other = await open('worker-3')
    await writeDays(other, 3)
    await other.close()
    expect(await dueBefore(2)).toMatchObject([
      { writer: 'local', last: 6 },
      { writer: 'worker-3', last: 6 },
    ])
  })

  it.each<[KeptSegment['why'], () => void]>([
    [
      'not_covered',
      () => {
        unlinkSync(join(test.own, 'checkpoint'))
      },
    ],
    [
      'hashes_missing',
      () => {
        unlinkSync(join(test.own, '0000000000000001.hashes'))
      },
    ],
    [
      'hashes_differ',
      () => {
        const path = join(test.own, '0000000000000001.jsonl')
        writeFileSync(path, readFileSync(path, 'utf8').replace('"intent"', '"intenT"'))
      },
    ],
  ])('AU-03 stays, and is named, when %s', async (why, spoil) => {
    await written()
    spoil()
    expect(await dueBefore(3)).toEqual([])
    expect(kept).toEqual([{ writer: 'local', segment: '0000000000000001.jsonl', why }])
  })

  it('stays while a request that began in it is under way', async () => {
    const journal = await open()
    await journal.intent(intentOf(99))
    await writeDays(journal, 4)
    await vi.waitFor(async () => {
      kept = []
      expect(await dueBefore(3)).toEqual([])
      expect(kept).toMatchObject([{ why: 'request_open' }])
    }, 5000)
    journal.outcome(anOutcome({ requestId: aRequestId(99) }))
    await journal.flush()
    test.clock.now += DAY
    await journal.change(aChange())
    await journal.close()
    expect(await dueBefore(3)).toMatchObject([{ first: 1 }])
  })
})

describe('what was let go', () => {
  it('AU-08 leaves a log that is still as it was signed', async () => {
    await written()
    await retireBefore(3)
    expect(test.segments()).toEqual(['0000000000000010.jsonl', '0000000000000013.jsonl'])
    const { isIntact, writers } = await verified()
    expect([isIntact, writers[0]?.retired, writers[0]?.records]).toEqual([true, 9, 16])
  })

  it('leaves a log that goes on as if nothing had happened', async () => {
    await written()
    await retireBefore(3)
    await written(6)
    const { isIntact, writers } = await verified()
    expect([isIntact, writers[0]?.retired]).toEqual([true, 9])
    await retireBefore(5)
    expect((await verified()).isIntact).toBe(true)
  })

  it('is complete when it is called again after a crash in between', async () => {
    await written()
    const [due] = await dueBefore(3)
    await putOnRecord(due)
    unlinkSync(due?.paths[0] ?? '')
    expect((await verified()).isIntact).toBe(true)
    expect(await dueBefore(3)).toMatchObject([{ first: 4, last: 9 }])
    if (due) await removeDue(due)
    expect(await dueBefore(3)).toEqual([])
    expect((await verified()).isIntact).toBe(true)
  })

  it.each(['first', 'second', 'directory'] as const)(
    'is complete when it is called again after an error at the %s',
    async (place) => {
      await written()
      const [due] = await dueBefore(3)
      await putOnRecord(due)
      let isBroken = true
      const attempt = (isHere: boolean) => {
        if (isBroken && isHere) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      }
      const files: RemovingFiles = {
        async unlink(path) {
          attempt(place !== 'directory' && path === due?.paths[place === 'first' ? 0 : 1])
          unlinkSync(path)
        },
        async syncDirectory() {
          attempt(place === 'directory')
        },
      }
      const remove = async () => removeDue(due!, files)
      await expect(remove()).rejects.toThrow('EIO')
      const first = (await dueBefore(3))[0]?.first
      expect([first, (await verified()).isIntact]).toEqual([
        { first: 1, second: 4, directory: undefined }[place],
        true,
      ])
      isBroken = false
      await remove()
      expect(test.segments()[0]).toBe('0000000000000010.jsonl')
      expect((await verified()).isIntact).toBe(true)
    },
  )

  it('makes room under the quota at once', async () => {
    await written()
    const journal = await open()
    const before = journal.status().bytes
    for (const due of await dueBefore(3)) await removeDue(due)
    await journal.measure()
    expect(journal.status().bytes).toBeLessThan(before)
  })

  it('AU-03 verifies after any number of starts and retirements', async () => {
    const step = fc.record({ days: fc.integer({ min: 1, max: 4 }), keep: fc.nat({ max: 6 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
        test = createTestJournal()
        let day = 0
        for (const { days, keep } of steps) {
          const journal = await open()
          for (const end = day + days; day < end; day++) {
            test.clock.now = begin + day * DAY
            await journal.change(aChange())
          }
          await journal.close()
          for (const due of await dueBefore(day - keep, 3)) {
            expect(due.to).toBeLessThan(begin + (day - keep) * DAY)
            await putOnRecord(due)
            await removeDue(due)
          }
        }
        const { isIntact, writers } = await verified()
        const [{ records, retired } = { records: 0, retired: 0 }] = writers
        expect([isIntact, kept, records - retired]).toEqual([true, [], test.records().length])
        await test.remove()
      }),
      { numRuns: 4 },
    )
  })

  it('takes along what a crash tore off it', async () => {
    await written()
    const torn = join(test.own, '0000000000000001.jsonl.300.torn')
    const later = join(test.own, '0000000000000010.jsonl.300.torn')
    for (const path of [torn, later]) writeFileSync(path, '{"se')
    await retireBefore(3)
    expect([existsSync(torn), existsSync(later)]).toEqual([false, true])
    expect(readdirSync(test.own).filter((name) => name.endsWith('.hashes'))).toHaveLength(5)
  })
})

it('knows when the audit was last written', async () => {
  expect(await lastWriteAt(test.directory)).toBeUndefined()
  await written(2)
  expect(await lastWriteAt(test.directory)).toBeGreaterThan(Date.now() - 60_000)
})
