/** Segments that are away, come back, or were never there when the index looked. */

import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { anIntent, anOutcome, aRequestId } from '../../../test/support/audit.ts'
import { anAccess } from '../../../test/support/grants.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { createTestIndex, type TestIndex } from '../../../test/support/test-index.ts'
import { createWrittenJournal, type WrittenJournal } from '../../../test/support/written-journal.ts'
import type { LocalAuditIndex } from './audit-index.ts'

const T = Date.parse('2026-03-10T10:00:00.000Z')
/** Longer than two looks at what is missing. */
const PATIENCE = { timeout: 60_000, interval: 200 }

let folder: TemporaryDirectory
let journal: WrittenJournal
let test: TestIndex
let old: string
let away: string

/** Three requests; the end of the second one is in the second segment. */
beforeEach(() => {
  folder = createTemporaryDirectory()
  const directory = join(folder.path, 'audit')
  journal = createWrittenJournal(directory)
  test = createTestIndex(directory)
  intent(1)
  outcome(1)
  intent(2)
  old = journal.path
  away = join(folder.path, 'away.jsonl')
  journal.rotate(T + 10)
  outcome(2)
  intent(3)
  outcome(3)
})
afterEach(async () => {
  await test.close()
  folder.remove()
})

function intent(number: number): void {
  const access = anAccess({ requestId: aRequestId(number) })
  journal.intent(anIntent({ access }), T + number * 10)
}
function outcome(number: number): void {
  journal.outcome(anOutcome({ requestId: aRequestId(number), status: 200 }), T + number * 10 + 1)
}

async function requests(index: LocalAuditIndex) {
  const { items } = await index.query({ limit: 100 })
  return items.map(({ requestId, outcome: end }) => [requestId, end !== null])
}

const whole = [1, 2, 3].map((number) => [aRequestId(number), true])
const missing = { writer: 'local', first: 1, last: 3 }

describe('a segment that is away', () => {
  it('AU-08 is said once, and what it held still counts', { timeout: 90_000 }, async () => {
    const index = test.start()
    expect(await requests(index)).toEqual(whole)
    renameSync(old, away)
    await vi.waitFor(() => {
      expect(test.events).toContain('audit_index_segment_missing')
    }, PATIENCE)
    expect(await index.status()).toMatchObject({ records: 3, missing: [missing] })
    expect(await index.activity({})).toMatchObject([{ count: 3 }])
    expect(test.events).toEqual(['audit_index_segment_missing'])
    renameSync(away, old)
    expect(await requests(index)).toEqual(whole)
  })

  it('AU-08 is taken in when it is back, with ends that are elsewhere', async () => {
    renameSync(old, away)
    const index = test.start()
    expect(await requests(index)).toEqual([[aRequestId(3), true]])
    expect(await index.status()).toMatchObject({ missing: [missing] })
    await index.close()
    renameSync(away, old)
    const again = test.start()
    await vi.waitFor(async () => {
      expect(await requests(again)).toEqual(whole)
    }, PATIENCE)
    expect(await again.activity({})).toMatchObject([{ count: 3, responseBytes: 3 * 4096 }])
    expect(await again.status()).not.toHaveProperty('missing')
    expect(existsSync(old)).toBe(true)
  })

  it('AU-08 is told of by an index that is built without it', async () => {
    const index = test.start()
    expect(await requests(index)).toEqual(whole)
    rmSync(old)
    await index.rebuild()
    await requests(index)
    expect(await index.status()).toMatchObject({ records: 1, missing: [missing] })
  })
})
