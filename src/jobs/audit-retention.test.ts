import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Log } from '../base/log.ts'
import { startAuditRetention, type AuditRetention, type DueRecords } from './audit-retention.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const KEPT = 400 * DAY
const START = Date.parse('2026-11-24T00:00:00Z')

let wall: number
let times: { readonly firstMs?: number; readonly everyMs: number }
let done: unknown[]
let due: DueRecords[]
let asked: number[]
let retentionMs: number | undefined
let fail: 'record' | 'remove' | 'clock' | undefined
let waitMs: number

const DUE: DueRecords = {
  ...{
    writer: 'local',
    paths: ['/audit/local/1.jsonl', '/audit/local/2.jsonl'],
    first: 1,
    last: 90,
  },
  ...{ from: START - 500 * DAY, to: START - 450 * DAY },
}

const log: Log = {
  ...{ debug: () => undefined, info: () => undefined },
  warn: (event) => {
    done.push(event)
  },
  error: (event) => {
    done.push(event)
  },
}

beforeEach(() => {
  wall = START
  times = { everyMs: 10 * DAY }
  waitMs = 0
  done = []
  asked = []
  due = [DUE]
  retentionMs = KEPT
  fail = undefined
})

const open = (): AuditRetention =>
  startAuditRetention({
    retentionMs: () => retentionMs,
    async *findDue(before) {
      asked.push(before)
      yield* due
    },
    recordChange: async (action, { target, details }) => {
      if (fail === 'record') throw new Error('disk')
      done.push({ action, target, details })
    },
    removeDue: async ({ paths }) => {
      if (fail === 'remove') throw new Error('disk')
      done.push({ removed: paths })
    },
    clock: {
      look() {
        if (fail === 'clock') throw new Error('disk')
        return waitMs
      },
    },
    ...{ log, now: () => wall, ...times },
  })

describe('retention', () => {
  it('says on the record what goes, and only then lets it go', async () => {
    await open().run()
    expect(asked).toEqual([START - KEPT])
    expect(done).toEqual([
      {
        ...{ action: 'audit.retire', target: 'local' },
        details: {
          ...{ first: 1, last: 90, segments: ['1.jsonl', '2.jsonl'], retentionDays: 400 },
          ...{ from: '2025-07-12T00:00:00.000Z', to: '2025-08-31T00:00:00.000Z' },
        },
      },
      { removed: DUE.paths },
    ])
  })

  it.each(['record', 'remove'] as const)('tries again when it could not %s', async (what) => {
    const retention = open()
    fail = what
    await retention.run()
    expect(done.at(-1)).toBe('audit_retention_failed')
    expect(done).not.toContainEqual({ removed: DUE.paths })
    fail = undefined
    await retention.run()
    expect(done.at(-1)).toEqual({ removed: DUE.paths })
  })

  it('lets nothing go where records are kept for ever', async () => {
    retentionMs = undefined
    await open().run()
    expect([asked, done]).toEqual([[], []])
  })

  it('follows a setting that changes', async () => {
    const retention = open()
    due = []
    await retention.run()
    retentionMs = 30 * DAY
    await retention.run()
    expect(asked).toEqual([START - KEPT, START - 30 * DAY])
  })

  it('says which one goes of each writer before that one goes', async () => {
    due = [DUE, { ...DUE, writer: 'worker-3' }]
    await open().run()
    expect(done).toMatchObject([
      { target: 'local' },
      { removed: DUE.paths },
      { target: 'worker-3' },
      { removed: DUE.paths },
    ])
  })

  it('begins by itself soon after the start, and ends when it is closed', async () => {
    times = { firstMs: 1, everyMs: 1 }
    due = []
    const retention = open()
    await vi.waitFor(() => {
      expect(asked.length).toBeGreaterThan(2)
    })
    await retention.close()
    const { length } = asked
    due = [DUE]
    await retention.run()
    expect([asked.length, done]).toEqual([length + 1, []])
  })
})

describe('AU-08 retention while the clock is not to be believed', () => {
  it('lets nothing go, and says so once', async () => {
    const retention = open()
    waitMs = DAY
    await retention.run()
    await retention.run()
    expect([asked, done]).toEqual([[], ['audit_retention_waits']])
    waitMs = 0
    await retention.run()
    expect(done.at(-1)).toEqual({ removed: DUE.paths })
  })

  it('lets nothing go when nobody can say', async () => {
    fail = 'clock'
    await open().run()
    expect([asked, done]).toEqual([[], ['audit_retention_failed']])
  })
})
