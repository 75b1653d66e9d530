import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aChange, anOutcome, aRequestId, intentOf } from '../../../test/support/audit.ts'
import { createTestJournal, type TestJournal } from '../../../test/support/journal.ts'
import { leafHashOf, rootOf } from '../../../test/support/merkle.ts'
import type { Journal, JournalParts } from './journal.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const origin = 'apistronghold/production/local'
const DAY_MS = 24 * 60 * 60 * 1000

let test: TestJournal

beforeEach(() => {
  test = createTestJournal()
})

afterEach(async () => {
  await test.remove()
})

const open = (parts: Partial<JournalParts> = {}): Promise<Journal> =>
  test.open({ sign: { key: privateKey, origin }, ...parts })

const path = (name: string) => join(test.own, name)
const firstSegment = () => path('0000000000000001.jsonl')
const firstHashes = () => path('0000000000000001.hashes')

const linesOf = (file: string): readonly Buffer[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line))

/** The leaf hash of each record that is on disk, in order. */
const leaves = () => test.segments().flatMap((name) => linesOf(path(name)).map(leafHashOf))

/** As the files beside the segments have them. */
const storedHashes = () =>
  Buffer.concat(
    readdirSync(test.own)
      .filter((name) => name.endsWith('.hashes'))
      .sort()
      .map((name) => readFileSync(path(name))),
  )

/** What a signed note says, once its one signature is found to be right. */
function verified(note: string) {
  const [text = '', signatures = ''] = note.split('\n\n')
  const [, name, encoded = ''] = /^\u2014 (\S+) (\S+)\n$/.exec(signatures) ?? []
  const signature = Buffer.from(encoded, 'base64').subarray(4)
  expect(name).toBe(origin)
  expect(verify(null, Buffer.from(`${text}\n`), createPublicKey(privateKey), signature)).toBe(true)
  const [first, size, root = ''] = text.split('\n')
  expect(first).toBe(origin)
  return { size: Number(size), root: Buffer.from(root, 'base64') }
}

const checkpoint = () => verified(readFileSync(path('checkpoint'), 'utf8'))

function expectWhole(): void {
  const all = leaves()
  expect(storedHashes()).toEqual(Buffer.concat(all))
  expect(checkpoint()).toEqual({ size: all.length, root: rootOf(all) })
}

/** Some records in three segments, and a clean end. */
async function written(): Promise<void> {
  const journal = await open()
  for (const number of [1, 2, 3, 4, 5]) {
    await journal.intent(intentOf(number))
    journal.outcome(anOutcome({ requestId: aRequestId(number) }))
    if (number % 2 === 0) test.clock.now += DAY_MS
  }
  await journal.close()
}

describe('AU-03 beside the segments', () => {
  it('stand the hash of each record and a signed checkpoint of all of them', async () => {
    await written()
    expect(test.segments()).toHaveLength(3)
    expectWhole()
  })

  it('stands a checkpoint within a second of a record, while nothing else happens', async () => {
    const journal = await open()
    await journal.change(aChange())
    await vi.waitFor(
      () => {
        expect(checkpoint().size).toBe(2)
      },
      { timeout: 3000 },
    )
    expect(verified(journal.checkpoint() ?? '')).toEqual(checkpoint())
    expectWhole()
  })

  it('comes a checkpoint after some hundred records, long before the second is over', async () => {
    const journal = await open()
    const numbers = Array.from({ length: 300 }, (_, number) => number)
    await Promise.all(numbers.map((number) => journal.intent(intentOf(number))))
    const started = performance.now()
    await vi.waitFor(() => {
      expect(verified(journal.checkpoint() ?? '').size).toBe(301)
    })
    expect(performance.now() - started).toBeLessThan(700)
  })

  it('stands no checkpoint when nobody signs', async () => {
    const journal = await test.open()
    await journal.change(aChange())
    await journal.close()
    expect(journal.checkpoint()).toBeUndefined()
    expect(existsSync(path('checkpoint'))).toBe(false)
    expect(storedHashes()).toEqual(Buffer.concat(leaves()))
  })

  it('stays nothing but records in a segment that was closed', async () => {
    await written()
    for (const name of test.segments()) expect(readFileSync(path(name)).includes(0)).toBe(false)
  })
})

describe('AU-03 opening again', () => {
  const goesOn = async () => {
    const journal = await open()
    await journal.change(aChange())
    await journal.close()
  }

  it('goes on with the tree', async () => {
    await written()
    await goesOn()
    expectWhole()
  })

  it.each([
    [
      'the note of where the tree stood is gone',
      () => {
        unlinkSync(path('frontier'))
      },
    ],
    [
      'the note of where the tree stood is nonsense',
      () => {
        writeFileSync(path('frontier'), '7\nAAAA\n')
      },
    ],
    [
      'an older version wrote no hashes',
      () => {
        for (const name of readdirSync(test.own))
          if (!name.endsWith('.jsonl')) unlinkSync(path(name))
      },
    ],
    [
      'a crash tore the last hashes',
      () => {
        const last =
          readdirSync(test.own)
            .filter((name) => name.endsWith('.hashes'))
            .sort()
            .at(-1) ?? ''
        truncateSync(path(last), statSync(path(last)).size - 40)
      },
    ],
    [
      'a crash left other bytes in the last hashes',
      () => {
        const last =
          readdirSync(test.own)
            .filter((name) => name.endsWith('.hashes'))
            .sort()
            .at(-1) ?? ''
        writeFileSync(path(last), Buffer.alloc(statSync(path(last)).size))
      },
    ],
  ])('makes them again when %s', async (_case, damage) => {
    await written()
    damage()
    await goesOn()
    expectWhole()
  })

  it('needs no segment that retention removed, only its hashes', async () => {
    await written()
    const all = leaves()
    unlinkSync(firstSegment())
    unlinkSync(path('frontier'))
    await goesOn()
    const added = leaves().slice(-1)
    expect(checkpoint()).toEqual({ size: all.length + 1, root: rootOf([...all, ...added]) })
  })

  it('keeps a record that was changed meanwhile in the tree as it was, and says so', async () => {
    const journal = await open()
    await journal.intent(intentOf(1))
    await journal.change(aChange())
    await journal.close()
    const before = leaves()
    const forged = readFileSync(firstSegment(), 'utf8').replace('alice', 'mayor')
    writeFileSync(firstSegment(), forged)
    await goesOn()
    const all = leaves()
    expect(checkpoint()).toEqual({
      size: all.length,
      root: rootOf([...before, ...all.slice(before.length)]),
    })
    expect(readFileSync(firstHashes())).toEqual(Buffer.concat(before))
    expect(readFileSync(firstSegment(), 'utf8')).toBe(forged)
    expect(test.records().find(({ kind }) => kind === 'recovery')).toMatchObject({
      details: { checkpoint: { size: before.length, records: 'changed' } },
    })
  })

  it('never gives the number of a record that was taken away to another one', async () => {
    const journal = await open()
    await journal.change(aChange())
    await journal.change(aChange())
    await journal.close()
    const before = leaves()
    const lines = linesOf(firstSegment())
    truncateSync(firstSegment(), statSync(firstSegment()).size - (lines.at(-1)?.length ?? 0) - 1)
    await goesOn()
    expect(test.records().map(({ seq }) => seq)).toEqual([1, 2, 4, 5, 6])
    expect(checkpoint().root).toEqual(rootOf([...before, ...leaves().slice(2)]))
  })

  it('keeps a checkpoint that nothing here accounts for', async () => {
    const journal = await open()
    await journal.change(aChange())
    await journal.close()
    const note = readFileSync(path('checkpoint'), 'utf8')
    writeFileSync(firstSegment(), readFileSync(firstSegment(), 'utf8').replace('alice', 'mayor'))
    unlinkSync(firstHashes())
    await goesOn()
    expect(readFileSync(path('checkpoint.2.unmatched'), 'utf8')).toBe(note)
    expect(test.records().find(({ kind }) => kind === 'recovery')).toMatchObject({
      details: { checkpoint: { size: 2, records: 'unknown' } },
    })
  })
})

describe('AU-03 when no checkpoint can be written for too long', () => {
  it.each(['writeDerived', 'replace'] as const)(
    'in %s, nothing more is written either, until one can be',
    async (operation) => {
      const journal = await open({ unsignedMs: 200 })
      test.files.fault(operation, 'ENOSPC')
      await journal.change(aChange())
      await vi.waitFor(
        () => {
          expect(journal.status()).toMatchObject({
            writable: false,
            problem: expect.stringMatching(/records are unsigned .*the disk is full/) as string,
          })
        },
        { timeout: 10_000 },
      )
      await expect(journal.intent(intentOf(1))).rejects.toMatchObject({ code: 'audit_unavailable' })
      const { records } = journal.status()
      test.files.heal()
      await vi.waitFor(
        () => {
          expect(journal.status().writable).toBe(true)
        },
        { timeout: 10_000 },
      )
      await journal.intent(intentOf(2))
      await journal.close()
      const added = test
        .records()
        .slice(records)
        .map(({ kind }) => kind)
      expect(added).toEqual(['segment', 'recovery', 'intent'])
      expectWhole()
    },
    30_000,
  )
})

describe('AU-02 when what is made from the records cannot be written', () => {
  it.each(['openDerived', 'writeDerived', 'replace'] as const)(
    'in %s, requests go on, and it is made up for later',
    async (operation) => {
      const events: string[] = []
      const noted = (event: string) => events.push(event)
      const log = { debug: noted, info: noted, warn: noted, error: noted }
      const journal = await open({ log })
      test.clock.now += DAY_MS
      test.files.fault(operation, 'ENOSPC')
      await journal.change(aChange())
      await vi.waitFor(() => {
        expect(events).toContain('audit_hashes_behind')
      }, 3000)
      await journal.change(aChange())
      expect(journal.status().writable).toBe(true)
      test.files.heal()
      await journal.close()
      expectWhole()
    },
  )
})
