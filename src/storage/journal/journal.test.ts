import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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

let test: TestJournal

beforeEach(() => {
  test = createTestJournal()
})

afterEach(async () => {
  await test.remove()
})

const kinds = () => test.records().map(({ kind }) => kind)
const sequences = () => test.records().map(({ seq }) => seq)
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)
const unavailable = expect.objectContaining({ code: 'audit_unavailable' }) as Error

describe('the files of a journal', () => {
  it('AD-05 belong to the owner alone, whatever the umask says', async () => {
    const before = process.umask(0)
    try {
      await (await test.open()).intent(anIntent())
    } finally {
      process.umask(before)
    }
    const modeOf = (path: string) => statSync(path).mode & 0o777
    expect([test.directory, test.own].map(modeOf)).toEqual([0o700, 0o700])
    expect(test.segments().map((name) => modeOf(join(test.own, name)))).toEqual([0o600])
  })

  it('begin with a record that says what they are', async () => {
    await test.open()
    expect(test.segments()).toEqual(['0000000000000001.jsonl'])
    expect(test.records()).toEqual([
      {
        ...{ seq: 1, time: new Date(NOW).toISOString(), kind: 'segment', requestId: null },
        ...{ writer: 'local', format: 1, environment: 'production', previous: null, open: [] },
      },
    ])
  })

  it('refuse a writer whose name climbs out of the directory', async () => {
    await expect(test.open({ writer: '../keys' })).rejects.toThrow(
      expect.objectContaining({ code: 'config_invalid' }) as Error,
    )
  })

  it('are not opened through a symbolic link', async () => {
    mkdirSync(test.own, { recursive: true })
    const target = join(test.directory, 'elsewhere')
    writeFileSync(target, 'precious')
    symlinkSync(target, join(test.own, '0000000000000001.jsonl'))
    await expect(test.open()).rejects.toThrow(unavailable)
    expect(readFileSync(target, 'utf8')).toBe('precious')
  })
})

describe('a commit', () => {
  it('is shared by all who wait: a thousand intents need few writes', async () => {
    const journal = await test.open()
    const before = test.files.calls.write
    await Promise.all(upTo(1000).map((number) => journal.intent(intentOf(number))))
    expect(test.files.calls.write - before).toBeLessThanOrEqual(3)
    expect(kinds().filter((kind) => kind === 'intent')).toHaveLength(1000)
    expect(sequences()).toEqual(upTo(1001))
  })

  it('is shared by those who come while another one runs', async () => {
    const journal = await test.open()
    const before = test.files.calls.write
    let next = 0
    const client = async () => {
      while (next < 400) await journal.intent(intentOf(next++))
    }
    await Promise.all(Array.from({ length: 40 }, client))
    expect(test.files.calls.write - before).toBeLessThanOrEqual(20)
  })

  it('takes an outcome along, and does not let it wait long for company', async () => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    const before = test.files.calls.write
    journal.outcome(anOutcome({ requestId: aRequestId(1) }))
    await journal.intent(intentOf(2))
    expect(test.files.calls.write - before).toBe(1)
    expect(kinds()).toEqual(['segment', 'intent', 'outcome', 'intent'])
    journal.outcome(anOutcome({ requestId: aRequestId(2) }))
    await vi.waitFor(() => {
      expect(kinds().at(-1)).toBe('outcome')
    })
  })

  it('is what flush waits for', async () => {
    const journal = await test.open()
    journal.outcome(anOutcome())
    journal.count(anUnrecognised())
    await journal.flush()
    expect(kinds()).toEqual(['segment', 'outcome', 'counted'])
    await journal.flush()
  })
})

describe('rotation', () => {
  it('begins a new segment when one is large enough, and loses no number', async () => {
    const journal = await test.open({ segmentBytes: 4096 })
    for (const number of upTo(30)) await journal.intent(intentOf(number))
    expect(test.segments().length).toBeGreaterThan(3)
    for (const name of test.segments())
      expect(statSync(join(test.own, name)).size).toBeLessThanOrEqual(4096)
    expect(sequences()).toEqual(upTo(journal.status().records))
    const starts = test.records().filter(({ kind }) => kind === 'segment')
    expect(starts.map(({ seq }) => `${String(seq).padStart(16, '0')}.jsonl`)).toEqual(
      test.segments(),
    )
    expect(starts.slice(1).map(({ previous }) => previous)).toEqual(
      starts.slice(0, -1).map(({ seq }) => seq),
    )
  })

  it.each([
    ['each day', 24 * 60 * 60 * 1000, 2],
    ['when the clock steps back, so that times within a segment are in order', -5000, 2],
    ['and not within a day', 60_000, 1],
  ])('begins a new segment %s', async (_case, stepMs, count) => {
    const journal = await test.open()
    await journal.intent(intentOf(1))
    test.clock.now += stepMs
    await journal.intent(intentOf(2))
    expect(test.segments()).toHaveLength(count)
  })

  it('names the requests that are under way at the beginning of a segment', async () => {
    const journal = await test.open()
    for (const number of upTo(3)) await journal.intent(intentOf(number))
    journal.outcome(anOutcome({ requestId: aRequestId(2) }))
    await journal.flush()
    test.clock.now += 24 * 60 * 60 * 1000
    await journal.intent(intentOf(4))
    const start = test.records().findLast(({ kind }) => kind === 'segment')
    expect(start).toMatchObject({ open: [aRequestId(1), aRequestId(3)] })
  })
})

describe('opening again', () => {
  it('goes on in the same segment with the next number', async () => {
    const first = await test.open()
    await first.intent(intentOf(1))
    first.outcome(anOutcome({ requestId: aRequestId(1) }))
    await first.close()
    const second = await test.open()
    await second.intent(intentOf(2))
    expect(sequences()).toEqual([1, 2, 3, 4])
    expect(test.segments()).toHaveLength(1)
    expect(kinds()).not.toContain('recovery')
  })

  it('closes what was under way as unknown, also from earlier segments', async () => {
    const first = await test.open()
    for (const number of upTo(3)) await first.intent(intentOf(number))
    first.outcome(anOutcome({ requestId: aRequestId(2) }))
    test.clock.now += 24 * 60 * 60 * 1000
    await first.intent(intentOf(4))
    await first.close()
    await test.open()
    const [last, ...closed] = test.records().slice(-4).reverse()
    expect(last).toMatchObject({ kind: 'recovery', cause: 'start', details: { closed: 3 } })
    expect(closed.map(({ requestId }) => requestId).sort()).toEqual([1, 3, 4].map(aRequestId))
    for (const record of closed)
      expect(record).toMatchObject({
        ...{ kind: 'outcome', result: 'unknown', cause: 'process_ended', status: null },
        ...{ requestBytes: null, durationsMs: { admitted: null, firstByte: null, total: null } },
      })
  })

  it('names more open requests than one record holds', async () => {
    const first = await test.open()
    for (const block of [0, 500, 1000, 1500, 2000])
      await Promise.all(upTo(500).map((number) => first.intent(intentOf(block + number))))
    test.clock.now += 24 * 60 * 60 * 1000
    await first.change(aChange())
    await first.close()
    await test.open()
    expect(test.records().at(-1)).toMatchObject({ details: { closed: 2500 } })
    expect(sequences()).toEqual(upTo(test.records().length))
  })

  it.each([
    ['half a line', '{"seq":3,"time":"2026'],
    ['a line without its newline', '{"seq":3,"time":"2026-11-20T12:00:00.000Z","kind":"intent"}'],
    ['half a line and zeros', '{"seq":3,"time":"2026\0\0\0'],
    ['zeros and a newline', `${'\0'.repeat(100)}\n`],
    ['a record with a hole', `{"seq":3,"time":"2026-11-20T12:00:00.000Z","ki${'\0'.repeat(9)}}\n`],
    ['two lines of noise', 'noise\n%%%\n'],
  ])('cuts %s off and keeps it beside', async (_case, torn) => {
    const first = await test.open()
    await first.change(aChange())
    await first.close()
    const [segment = ''] = test.segments()
    const path = join(test.own, segment)
    const sound = readFileSync(path)
    appendFileSync(path, torn)
    const second = await test.open()
    await second.change(aChange())
    expect(readFileSync(path).subarray(0, sound.length)).toEqual(sound)
    expect(sequences()).toEqual([1, 2, 3, 4])
    const side = `${segment}.${sound.length}.torn`
    const whole = torn.replace(/\0+$/, '')
    expect(readFileSync(join(test.own, side), 'utf8')).toBe(whole)
    expect(statSync(join(test.own, side)).mode & 0o777).toBe(0o600)
    const cuts = [{ segment: 1, offset: sound.length, bytes: Buffer.byteLength(whole) }]
    expect(test.records()[2]).toMatchObject({ kind: 'recovery', details: { closed: 0, cuts } })
  })

  it('takes zeros behind the last record for room, and gives it back', async () => {
    const first = await test.open()
    await first.change(aChange())
    await first.close()
    const path = join(test.own, test.segments()[0] ?? '')
    const { size } = statSync(path)
    appendFileSync(path, Buffer.alloc(4096))
    await (await test.open()).close()
    expect(statSync(path).size).toBe(size)
    expect(kinds()).toEqual(['segment', 'change'])
  })

  it('looks further back when the last segment holds nothing whole', async () => {
    const first = await test.open()
    await first.intent(intentOf(1))
    await first.close()
    writeFileSync(join(test.own, '0000000000000003.jsonl'), '{"seq":3,"ti')
    await test.open()
    expect(kinds()).toEqual(['segment', 'intent', 'outcome', 'recovery'])
    expect(sequences()).toEqual([1, 2, 3, 4])
    expect(readdirSync(test.own)).toContain('0000000000000003.jsonl.0.torn')
  })

  it('never gives a number twice when retention has removed everything before', async () => {
    await (await test.open()).close()
    unlinkSync(join(test.own, '0000000000000001.jsonl'))
    writeFileSync(join(test.own, '0000000000000041.jsonl'), '')
    await (await test.open()).intent(intentOf(1))
    expect(sequences()).toEqual([41, 42])
  })
})

describe('the disk quota', () => {
  const fill = async (until: number) => {
    const journal = await test.open({ quotaBytes: 20_000 })
    while (journal.status().bytes < until) await journal.intent(intentOf(1))
    return journal
  }

  it('keeps its last tenth for intents and for operators', async () => {
    const journal = await fill(18_000)
    await expect(journal.refusal(aRefusal())).rejects.toThrow(unavailable)
    expect(journal.status()).toMatchObject({ writable: true, quotaBytes: 20_000 })
    await journal.intent(intentOf(2))
    await journal.change(aChange())
    journal.count(anUnrecognised())
    await journal.flush()
    expect(kinds()).not.toContain('counted')
  })

  it('AU-02 refuses intents when it is used up, and lets outcomes in', async () => {
    const journal = await fill(20_000)
    await expect(journal.intent(intentOf(2))).rejects.toThrow(unavailable)
    expect(journal.status()).toMatchObject({
      writable: false,
      problem: 'the disk quota of the audit is used up',
    })
    journal.outcome(anOutcome())
    await journal.flush()
    expect(kinds().at(-1)).toBe('outcome')
  })

  it('AU-02 counts what other writers of the same directory use up', async () => {
    const shared = { quotaBytes: 20_000, isQuotaShared: true }
    const [own, other] = [await test.open(shared), await test.open({ ...shared, writer: 'other' })]
    while (own.status().bytes < 12_000) await own.intent(intentOf(1))
    expect(other.status().bytes).toBeLessThan(11_000)
    await other.intent(intentOf(2))
    await vi.waitFor(() => {
      expect(other.status().bytes).toBeGreaterThan(11_000)
    })
  })

  it('AU-02 notices by itself that somebody made room', async () => {
    const ballast = join(test.directory, 'ballast')
    await (await test.open()).close()
    writeFileSync(ballast, Buffer.alloc(20_000))
    const journal = await test.open({ quotaBytes: 20_000 })
    await expect(journal.intent(intentOf(1))).rejects.toThrow(unavailable)
    unlinkSync(ballast)
    await vi.waitFor(
      () => {
        expect(journal.status().writable).toBe(true)
      },
      { timeout: 3000 },
    )
    await journal.intent(intentOf(1))
  })

  it('AU-08 warns at four fifths, once', async () => {
    const warned: string[] = []
    const log = { debug: noted, info: noted, warn: noted, error: noted }
    function noted(event: string) {
      warned.push(event)
    }
    const journal = await test.open({ quotaBytes: 20_000, log })
    while (journal.status().bytes < 18_000) await journal.intent(intentOf(1))
    expect(warned).toEqual(['audit_quota_high'])
  })
})

it('AU-05 applies the path rules of the service', async () => {
  const pathPatterns = (service: string) =>
    service === 'discord' ? ['/webhooks/*/{token}', '/interactions/*/{token}'] : []
  const journal = await test.open({ pathPatterns })
  const path = '/api/v10/webhooks/123456789012345678/plainlooking'
  await journal.intent(anIntent({ access: anAccess({ service: 'discord', path }) }))
  await journal.intent(anIntent({ access: anAccess({ service: 'stripe', path }) }))
  const [hidden, kept] = test.records().filter(({ kind }) => kind === 'intent')
  expect(hidden?.path).toMatch(
    /^\/api\/v10\/webhooks\/123456789012345678\/\[redacted:12:[0-9a-f]{16}\]$/,
  )
  expect(kept?.path).toBe(path)
})

it('tells the tokens of one agent apart', async () => {
  const journal = await test.open()
  for (const id of ['tok_a', 'tok_b']) await journal.intent(anIntent({ grant: aGrant({ id }) }))
  const intents = test.records().filter(({ kind }) => kind === 'intent')
  expect(intents.map(({ tokenId }) => tokenId)).toEqual(['tok_a', 'tok_b'])
})
