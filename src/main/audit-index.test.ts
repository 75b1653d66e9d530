import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { anIntent, anOutcome, aRefusal, aRequestId } from '../../test/support/audit.ts'
import { anAccess } from '../../test/support/grants.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { createWrittenJournal, type WrittenJournal } from '../../test/support/written-journal.ts'
import { silentLog } from '../base/log.ts'
import { WATCH_PRESETS } from '../insight/anomaly/create-watch.ts'
import type { AuditThreadOrders } from './audit-calls.ts'
import { openAuditIndex, type ThreadedAuditIndex } from './audit-index.ts'

const T = Date.parse('2026-03-10T10:00:00.000Z')

let folder: TemporaryDirectory
let journal: WrittenJournal
let orders: AuditThreadOrders
let opened: ThreadedAuditIndex[]

beforeEach(() => {
  folder = createTemporaryDirectory()
  orders = {
    directory: join(folder.path, 'audit'),
    path: join(folder.path, 'audit-index.db'),
    watch: WATCH_PRESETS,
  }
  journal = createWrittenJournal(orders.directory)
  opened = []
})

afterEach(async () => {
  for (const index of opened) await index.close()
  folder.remove()
})

function open(): ThreadedAuditIndex {
  const index = openAuditIndex({ ...orders, log: silentLog })
  opened.push(index)
  return index
}

const REQUESTS = 20_000

function writeMany(): void {
  for (let number = 0; number < REQUESTS; number++) {
    const access = anAccess({ requestId: aRequestId(number) })
    journal.intent(anIntent({ access }), T + number)
    // Ends stand far behind their beginnings, so that any cut is between the two of some.
    if (number >= 3000)
      journal.outcome(anOutcome({ requestId: aRequestId(number - 3000) }), T + number)
  }
}

it('a thread that is killed in the middle of filling loses nothing and takes nothing twice', async () => {
  writeMany()
  for (let kills = 0; kills < 3; kills++) {
    const entry = join(import.meta.dirname, 'audit-thread.ts')
    const worker = new Worker(entry, { workerData: orders, env: {} })
    const log = `${orders.path}-wal`
    const before = existsSync(log) ? statSync(log).mtimeMs : 0
    await vi.waitUntil(() => existsSync(log) && statSync(log).mtimeMs > before, {
      timeout: 5000,
      interval: 5,
    })
    await worker.terminate()
  }
  const index = open()
  await vi.waitFor(async () => {
    expect(await index.status()).toMatchObject({ records: REQUESTS, behindBytes: 0 })
  }, 15_000)
  const ended = REQUESTS - 3000
  expect(await index.activity({})).toMatchObject([{ count: REQUESTS, responseBytes: ended * 4096 }])
  expect(await index.counts({ by: ['agent'] })).toMatchObject([{ count: REQUESTS }])
}, 30_000)

it('answers from its thread, also after it has been closed and opened again', async () => {
  journal.refusal(aRefusal(), T)
  const index = open()
  expect((await index.query({ limit: 10 })).items).toMatchObject([{ kind: 'refusal' }])
  await index.close()
  await expect(index.query({ limit: 10 })).rejects.toThrow(
    expect.objectContaining({ code: 'database_unavailable' }) as Error,
  )
  expect((await open().query({ limit: 10, order: 'newest' })).items).toHaveLength(1)
})

it('refuses in words what its thread refuses', async () => {
  await expect(open().query({ limit: 1, cursor: 'AAAA' })).rejects.toThrow(
    expect.objectContaining({ code: 'usage_invalid' }) as Error,
  )
})
