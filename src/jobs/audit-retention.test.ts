import { beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../base/log.ts'
import { startAuditRetention, type AuditRetention, type DueRecords } from './audit-retention.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const KEPT = 400 * DAY
const START = Date.parse('2026-11-24T00:00:00Z')

let wall: number
let monotonic: number
let done: unknown[]
let due: DueRecords[]
let asked: number[]
let retentionMs: number | undefined
let fail: 'record' | 'remove' | undefined

const pass = (ms: number) => {
  wall += ms
  monotonic += ms
}

const DUE: DueRecords = {
  ...{ writer: 'local', paths: ['a', 'b'], first: 1, last: 90 },
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
  monotonic = 5000
  done = []
  asked = []
  due = [DUE]
  retentionMs = KEPT
  fail = undefined
})

const open = (lastRecordAt: number | undefined = START - HOUR): AuditRetention =>
  startAuditRetention({
    retentionMs: () => retentionMs,
    findDue: async (before) => {
      asked.push(before)
      return due
    },
    recordChange: async (action, { target, details }) => {
      if (fail === 'record') throw new Error('disk')
      done.push({ action, target, details })
    },
    removeDue: async ({ paths }) => {
      if (fail === 'remove') throw new Error('disk')
      done.push({ removed: paths })
    },
    ...{ lastRecordAt, log, now: () => wall, monotonic: () => monotonic, everyMs: 10 * DAY },
  })

describe('retention', () => {
  it('says on the record what goes, and only then lets it go', async () => {
    await open().run()
    expect(asked).toEqual([START - KEPT])
    expect(done).toEqual([
      {
        ...{ action: 'audit.retire', target: 'local' },
        details: {
          ...{ first: 1, last: 90, segments: 2, retentionDays: 400 },
          ...{ from: '2025-07-12T00:00:00.000Z', to: '2025-08-31T00:00:00.000Z' },
        },
      },
      { removed: ['a', 'b'] },
    ])
  })

  it.each(['record', 'remove'] as const)('tries again when it could not %s', async (what) => {
    const retention = open()
    fail = what
    await retention.run()
    expect(done.at(-1)).toBe('audit_retention_failed')
    expect(done).not.toContainEqual({ removed: ['a', 'b'] })
    fail = undefined
    pass(HOUR)
    await retention.run()
    expect(done.at(-1)).toEqual({ removed: ['a', 'b'] })
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

  it('needs no history to begin with', async () => {
    await open(undefined).run()
    expect(asked).toHaveLength(1)
  })
})

describe('AU-08 retention with a clock that jumped ahead', () => {
  it('waits for a day that the monotonic clock agrees with', async () => {
    const retention = open()
    await retention.run()
    wall += 365 * DAY
    for (let hour = 0; hour < 24; hour++) {
      await retention.run()
      pass(HOUR)
    }
    expect(asked).toHaveLength(1)
    expect(done.filter((one) => one === 'audit_retention_waits')).toHaveLength(1)
    await retention.run()
    expect(asked).toHaveLength(2)
  })

  it('waits from the start when nothing was written for more than a day', async () => {
    const retention = open(START - 365 * DAY)
    await retention.run()
    expect(asked).toEqual([])
    pass(DAY)
    await retention.run()
    expect(asked).toHaveLength(1)
  })

  it('goes on at once when the clock goes back: then less is due', async () => {
    const retention = open()
    wall -= 10 * DAY
    await retention.run()
    expect(asked).toEqual([START - 10 * DAY - KEPT])
  })
})
