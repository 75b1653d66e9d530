import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aChange, anIntent, anOutcome, aRequestId, intentOf } from '../../../test/support/audit.ts'
import type { Fault, FileOperation } from '../../../test/support/faulty-files.ts'
import { createTestJournal, type TestJournal } from '../../../test/support/journal.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { skipUnless } from '../../../test/support/skip.ts'
import { LOG, vkeyOf } from '../../../test/support/signed-audit.ts'
import { verifyAudit } from '../../audit-files/verify.ts'
import type { Journal } from './journal.ts'

let test: TestJournal

beforeEach(() => {
  test = createTestJournal()
})

afterEach(async () => {
  await test.remove()
})

const unavailable = expect.objectContaining({ code: 'audit_unavailable' }) as Error

/** Waits for a recovery without a restart. */
async function recovered(journal: Journal): Promise<void> {
  await vi.waitFor(
    () => {
      expect(journal.status().writable).toBe(true)
    },
    { timeout: 4000, interval: 20 },
  )
}

async function expectRefusedWithinASecond(journal: Journal): Promise<void> {
  const started = performance.now()
  await expect(journal.intent(intentOf(666))).rejects.toThrow(unavailable)
  expect(performance.now() - started).toBeLessThan(1000)
  expect(journal.status().writable).toBe(false)
  // Those who come later do not wait at all.
  const later = performance.now()
  await expect(journal.intent(intentOf(667))).rejects.toThrow(unavailable)
  expect(performance.now() - later).toBeLessThan(100)
}

/** What must hold after every recovery: nothing torn, no gap, and nobody refused is on record. */
function expectSound(acknowledged: readonly number[]): void {
  const records = test.records()
  const first = Number(records[0]?.seq)
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => first + index))
  const intents = records.filter(({ kind }) => kind === 'intent')
  expect(intents.map(({ requestId }) => requestId)).toEqual(acknowledged.map(aRequestId))
}

const WRITE_FAULTS: readonly Fault[] = ['ENOSPC', 'EIO', 'EROFS', 'EDQUOT', 'ESTALE', 'short']

describe('AU-02 when a write fails', () => {
  it.each(WRITE_FAULTS)('with %s it refuses within a second and recovers', async (fault) => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.files.fault('write', fault)
    await expectRefusedWithinASecond(journal)
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([1, 2])
    expect(test.records().find(({ kind }) => kind === 'recovery')).toMatchObject({
      cause: 'unwritable',
      details: { refused: expect.any(Number) as number, dropped: 0 },
    })
  })

  it('and what was half written cannot be taken back, it stays closed until it can', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.files.fault('write', 'short')
    test.files.fault('truncate', 'EIO')
    await expectRefusedWithinASecond(journal)
    await vi.waitFor(() => {
      expect(test.files.calls.truncate).toBeGreaterThan(1)
    })
    expect(journal.status()).toMatchObject({ writable: false, problem: 'the disk is full' })
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([1, 2])
  })

  it('again and again, each time it comes back', async () => {
    const journal = await test.open()
    for (const round of [1, 2, 3]) {
      await journal.intent(intentOf(round))
      test.files.fault('write', 'short')
      await expectRefusedWithinASecond(journal)
      test.files.heal()
      await recovered(journal)
    }
    expectSound([1, 2, 3])
  })

  it.each<[FileOperation, Fault]>([
    ['open', 'ENOSPC'],
    ['open', 'hang'],
    ['write', 'short'],
    ['syncDirectory', 'EIO'],
    ['syncDirectory', 'hang'],
    ['close', 'EIO'],
  ])('on rotation, in %s (%s)', async (operation, fault) => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.clock.now += 24 * 60 * 60 * 1000
    test.files.fault(operation, fault)
    await expectRefusedWithinASecond(journal)
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([1, 2])
  })
})

describe('AU-02 when the disk does not answer', () => {
  it.each<FileOperation>(['write', 'identify'])('to %s', async (operation) => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.files.fault(operation, 'hang')
    await expectRefusedWithinASecond(journal)
    expect(journal.status().problem).toBe('the disk does not answer')
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    // The first write came through in the end; nobody was let in by it, and it is taken back.
    expectSound([1, 2])
  })

  it('each caller waits a second at most, also those who came during the wait', async () => {
    const journal = await test.open()
    test.files.fault('write', 'hang')
    const waits: number[] = []
    const attempt = async (number: number) => {
      const started = performance.now()
      await expect(journal.intent(intentOf(number))).rejects.toThrow(unavailable)
      waits.push(performance.now() - started)
    }
    const first = attempt(1)
    await vi.waitFor(() => {
      expect(test.files.calls.write).toBe(2)
    })
    await Promise.all([first, attempt(2), attempt(3)])
    expect(Math.max(...waits)).toBeLessThan(1000)
  })

  it('outcomes do not wait, and are written later', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.files.fault('write', 'hang')
    const refused = expectRefusedWithinASecond(journal)
    journal.outcome(anOutcome({ requestId: aRequestId(1) }))
    await refused
    test.files.heal()
    await recovered(journal)
    const outcomes = test.records().filter(({ kind }) => kind === 'outcome')
    expect(outcomes.map(({ requestId }) => requestId)).toEqual([aRequestId(1)])
  })

  it('closing gives up after a second', async () => {
    const journal = await test.open()
    test.files.fault('write', 'hang')
    const refused = expect(journal.intent(intentOf(1))).rejects.toThrow(unavailable)
    const started = performance.now()
    await journal.close()
    expect(performance.now() - started).toBeLessThan(2000)
    await refused
  })
})

describe('AU-02 when the thread that writes ends', () => {
  it.each<FileOperation>(['write', 'identify'])(
    'in %s, whoever waited is refused, and another thread takes back what it left',
    async (operation) => {
      const journal = await test.open()
      await journal.intent(intentOf(1))
      test.files.fault(operation, 'end')
      await expectRefusedWithinASecond(journal)
      expect(journal.status().problem).toMatch(/^the writer of the audit ended/)
      test.files.heal()
      await recovered(journal)
      await journal.intent(intentOf(2))
      journal.outcome(anOutcome({ requestId: aRequestId(2) }))
      await journal.flush()
      expectSound([1, 2])
      // The request is still under way: only a process that ended leaves outcomes unknown.
      expect(test.records().filter(({ kind }) => kind === 'outcome')).toHaveLength(1)
    },
  )

  it('after it has answered, nothing is lost and it begins again', async () => {
    const { privateKey: key } = generateKeyPairSync('ed25519')
    const journal = await test.open({ sign: { key, origin: 'apistronghold/test/w1' } })
    // The hashes of the segment's first record are written: the fault meets those of the intent.
    await vi.waitFor(
      () => {
        expect(journal.checkpoint()).toBeDefined()
      },
      { timeout: 3000, interval: 5 },
    )
    test.files.fault('writeDerived', 'end')
    await journal.intent(intentOf(1))
    await vi.waitFor(
      () => {
        expect(journal.status().writable).toBe(false)
      },
      { timeout: 3000, interval: 5 },
    )
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([1, 2])
  })

  it('and cannot begin again, it tries until it can', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.files.fault('write', 'end')
    test.files.fault('truncate', 'EIO')
    await expectRefusedWithinASecond(journal)
    await vi.waitFor(
      () => {
        expect(test.files.calls.truncate).toBeGreaterThan(1)
      },
      { timeout: 4000 },
    )
    expect(journal.status().writable).toBe(false)
    test.files.heal()
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([1, 2])
  })
})

describe('AU-02 when somebody touches the files', () => {
  const segmentPath = () => join(test.own, test.segments().at(-1) ?? '')

  it.each([
    [
      'a segment is unlinked',
      () => {
        unlinkSync(segmentPath())
      },
    ],
    [
      'a segment is rotated away',
      () => {
        renameSync(segmentPath(), `${segmentPath()}.1`)
      },
    ],
    [
      'a segment is rotated away and another file put in its place',
      () => {
        const path = segmentPath()
        renameSync(path, `${path}.1`)
        writeFileSync(path, '')
      },
    ],
  ])('%s, the next request is refused, and then it goes on', async (_case, touch) => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    const [lost] = test.segments()
    touch()
    await expectRefusedWithinASecond(journal)
    await recovered(journal)
    await journal.intent(intentOf(2))
    const records = test.records()
    expect(records.map(({ kind }) => kind)).toEqual(['segment', 'recovery', 'intent'])
    expect(records.map(({ seq }) => seq)).toEqual([3, 4, 5])
    expect(records[0]).toMatchObject({ previous: 1, open: [aRequestId(1)] })
    expect(records[1]).toMatchObject({ details: { lost } })
  })

  it('right after a commit, with nothing between', async () => {
    const journal = await test.open()
    for (const number of [1, 2, 3]) await journal.intent(intentOf(number))
    unlinkSync(segmentPath())
    await expect(journal.intent(intentOf(4))).rejects.toThrow(unavailable)
  })

  it('under load, where not every commit looks, it is noticed within a moment', async () => {
    const journal = await test.open()
    let lastAt = 0
    const client = async (number: number) => {
      for (;;) {
        await journal.intent(intentOf(number))
        lastAt = performance.now()
      }
    }
    const clients = Promise.allSettled(Array.from({ length: 20 }, (_, number) => client(number)))
    await vi.waitFor(() => {
      expect(journal.status().records).toBeGreaterThan(200)
    })
    unlinkSync(segmentPath())
    const goneAt = performance.now()
    await clients
    expect(lastAt - goneAt).toBeLessThan(250)
  })

  it('the whole directory goes, it waits for it to come back', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    rmSync(test.own, { recursive: true, maxRetries: 5 })
    await expectRefusedWithinASecond(journal)
    await vi.waitFor(() => {
      expect(test.files.calls.open).toBeGreaterThan(2)
    })
    expect(journal.status().writable).toBe(false)
    mkdirSync(test.own)
    await recovered(journal)
    await journal.intent(intentOf(2))
    expectSound([2])
  })

  it('AU-03 the whole directory comes back, nobody who was refused is on record in it', async () => {
    const { privateKey: key } = generateKeyPairSync('ed25519')
    const journal = await test.open({ sign: { key, origin: `${LOG}/local` } })
    await journal.intent(intentOf(1))
    renameSync(test.own, `${test.own}.away`)
    await expectRefusedWithinASecond(journal)
    await vi.waitFor(() => {
      expect(test.files.calls.open).toBeGreaterThan(2)
    })
    renameSync(`${test.own}.away`, test.own)
    await recovered(journal)
    await journal.intent(intentOf(2))
    await journal.close()
    expectSound([1, 2])
    const verdict = await verifyAudit({
      ...{ directory: test.directory, publicKey: vkeyOf(key), kept: [] },
    })
    expect(verdict.writers.flatMap(({ findings }) => findings)).toEqual([])
  })

  it('a file stands where the next segment should be, it is put aside', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    writeFileSync(join(test.own, '0000000000000003.jsonl'), 'not ours')
    test.clock.now += 24 * 60 * 60 * 1000
    await journal.intent(intentOf(2))
    expect(readdirSync(test.own).filter((name) => name.endsWith('.stray'))).toHaveLength(1)
    expectSound([1, 2])
  })
})

describe('AU-02 on a file system that is really full', () => {
  const temporary = createTemporaryDirectory()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', temporary.path])
  const cannot = skipUnless(mounted.status === 0, 'no right to mount a small file system')

  it.skipIf(cannot)('refuses, and goes on once there is room', async () => {
    const small = createTestJournal(temporary)
    const ballast = join(temporary.path, 'ballast')
    writeFileSync(ballast, Buffer.alloc(48 * 1024))
    const journal = await small.open({ thread: undefined })
    let acknowledged = 0
    await expect(
      (async () => {
        for (;;) {
          await journal.intent(intentOf(acknowledged + 1))
          acknowledged++
        }
      })(),
    ).rejects.toThrow(unavailable)
    expect(acknowledged).toBeGreaterThan(3)
    expect(journal.status()).toMatchObject({ writable: false, problem: 'the disk is full' })
    unlinkSync(ballast)
    await recovered(journal)
    await journal.intent(anIntent())
    await journal.change(aChange())
    const records = small.records()
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
    expect(records.filter(({ kind }) => kind === 'intent')).toHaveLength(acknowledged + 1)
    await journal.close()
    spawnSync('umount', [temporary.path])
    await small.remove()
  })

  if (cannot) temporary.remove()
})
