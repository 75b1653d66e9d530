/**
 * What the audit's index costs and how quickly it answers.
 * `node bench/audit-index.ts [rows] [directory]`: rows are requests and refusals of 30 days; the
 * directory's disk holds the journal (1.5 GB for a million) and the index.
 */

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { AuditFilter } from '../src/audit/audit-reader.ts'
import { createLineFormat, numbered } from '../src/audit/record.ts'
import { silentLog } from '../src/base/log.ts'
import type { Grant } from '../src/policy/grant.ts'
import { startAuditIndex, type LocalAuditIndex } from '../src/storage/audit-index/audit-index.ts'
import { segmentPath } from '../src/storage/journal/segment.ts'
import { anIntent, anOutcome, aRefusal, AUDIT_KEY } from '../test/support/audit.ts'
import { aGrant, anAccess } from '../test/support/grants.ts'
import { percentile } from './percentile.ts'

const ROWS = Number(process.argv[2] ?? 1_000_000)
const SEGMENT_BYTES = 32 * 1024 * 1024
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const DAYS = 30
const AGENTS = 30
const START = Date.UTC(2026, 2, 1)

/** Operations as agents use them: few, and unevenly. */
const OPERATIONS = Array.from({ length: 20 }, (_, index) => ({
  service: ['stripe', 'openai', 'github', 'slack'][index % 4] ?? '',
  method: ['GET', 'POST', 'GET', 'PATCH'][index % 4] ?? '',
  rule: `/v1/things-${index}/{id}`,
  path: `/v1/things-${index}/`,
}))

function writeJournal(directory: string): number {
  const own = join(directory, 'local')
  mkdirSync(own, { recursive: true, mode: 0o700 })
  const format = createLineFormat({
    ...{ writer: 'local', environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const grants = new Map<string, Grant>()
  let [seq, bytes, inSegment, lines] = [0, 0, 0, '']
  let file = openSync(segmentPath(own, 1), 'w', 0o600)
  const flush = () => {
    bytes += writeSync(file, lines)
    lines = ''
  }
  const write = (line: string) => {
    const whole = numbered(++seq, line)
    inSegment += whole.length
    lines += whole
    if (lines.length > 1_000_000) flush()
    if (inSegment < SEGMENT_BYTES) return
    flush()
    closeSync(file)
    file = openSync(segmentPath(own, seq + 1), 'w', 0o600)
    inSegment = 0
  }
  for (let row = 0; row < ROWS; row++) {
    const time = START + Math.floor((row / ROWS) * DAYS * DAY_MS)
    const number = (row * 7919) % AGENTS
    const id = `tok_${String(number).padStart(4, '0')}${String(Math.floor(time / HOUR_MS)).padStart(16, '0')}`
    const key = `${number} ${id}`
    const grant = grants.get(key) ?? aGrant({ id, agent: `agent-${number}` })
    if (grants.size > 1000) grants.clear()
    grants.set(key, grant)
    const operation = OPERATIONS[Math.floor(((row * 104_729) % 400) ** 0.5)]!
    const requestId = `req_${(row * 2_654_435_761).toString(16).padStart(32, '0')}`
    const access = anAccess({
      ...{ requestId, service: operation.service, method: operation.method },
      ...{ rule: `${operation.method} ${operation.rule}`, receivedAt: time },
      path: `${operation.path}cus_NffrFeUfNV${String(row % 9000).padStart(4, '0')}`,
      source: `10.0.${number}.${row % 50}`,
    })
    if (row % 50 === 7) {
      write(format.refusal(aRefusal({ requestId, at: time, grant, access }), time))
      continue
    }
    write(
      format.intent(anIntent({ grant, access, userAgent: 'Stripe/v1 NodeBindings/23.1.0' }), time),
    )
    const status = row % 90 === 5 ? 500 : 200
    write(format.outcome(anOutcome({ requestId, status }), time + 90))
  }
  flush()
  closeSync(file)
  console.log(`journal: ${seq} lines, ${Math.round(bytes / 1e6)} MB`)
  return seq
}

async function fill(index: LocalAuditIndex, lines: number): Promise<void> {
  const started = performance.now()
  let status = await index.status()
  while (status.isRebuilding) {
    await setTimeout(1000)
    status = await index.status()
  }
  const seconds = (performance.now() - started) / 1000
  const perSecond = Math.round(lines / seconds)
  console.log(`filled: ${status.records} rows in ${seconds.toFixed(1)} s, ${perSecond} lines/s`)
}

async function measure(name: string, times: number, ask: (run: number) => Promise<number>) {
  const took: number[] = []
  let found = 0
  for (let run = 0; run < times; run++) {
    const started = performance.now()
    found = await ask(run)
    took.push(performance.now() - started)
  }
  const sorted = Float64Array.from(took).sort()
  const [p50, p95] = [percentile(sorted, 0.5), percentile(sorted, 0.95)]
  console.log(`${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms (${found} found)`)
}

async function all(index: LocalAuditIndex, filter: AuditFilter): Promise<number> {
  let found = 0
  for (let cursor: string | undefined; ;) {
    const page = await index.query({ ...filter, limit: 1000, ...(cursor ? { cursor } : {}) })
    found += page.items.length
    cursor = page.nextCursor
    if (cursor === undefined) return found
  }
}

const dayOf = (run: number) => {
  const since = START + ((run * 11) % DAYS) * DAY_MS
  return { since, until: since + DAY_MS }
}
const agentOf = (run: number) => `agent-${(run * 7) % AGENTS}`
const MONTH = { since: START, until: START + DAYS * DAY_MS }

async function answers(index: LocalAuditIndex): Promise<void> {
  const page = async (filter: AuditFilter & { order?: 'newest' }, limit = 100) =>
    (await index.query({ ...filter, limit })).items.length
  await measure('first page (100) of an agent, newest first', 50, (run) =>
    page({ agent: agentOf(run), order: 'newest' }),
  )
  await measure("an agent's day, every record", 30, (run) =>
    all(index, { agent: agentOf(run), ...dayOf(run) }),
  )
  await measure("an agent's day with descendants", 10, (run) =>
    all(index, { agent: agentOf(run), withDescendants: true, ...dayOf(run) }),
  )
  await measure("an agent's refusals of the month, every record", 10, (run) =>
    all(index, { agent: agentOf(run), decision: 'deny', ...MONTH }),
  )
  await measure('a request by its id', 50, (run) =>
    page({ requestId: `req_${(run * 1009 * 2_654_435_761).toString(16).padStart(32, '0')}` }),
  )
  await measure("text within an agent's day", 10, (run) =>
    all(index, { agent: agentOf(run), text: 'nffrfeufnv0042', ...dayOf(run) }),
  )
  await measure('text within a day of all agents', 3, (run) =>
    all(index, { text: 'nffrfeufnv0042', ...dayOf(run) }),
  )
  await measure(
    "activity of an agent's month",
    20,
    async (run) => (await index.activity({ agents: [agentOf(run)], ...MONTH })).length,
  )
  await measure(
    "activity of an agent's month, not in whole hours",
    20,
    async (run) =>
      (
        await index.activity({
          agents: [agentOf(run)],
          since: START + 123_456,
          until: MONTH.until - 7,
        })
      ).length,
  )
  await measure(
    'requests of a service in the month, by agent',
    10,
    async () => (await index.counts({ by: ['agent'], service: 'stripe', ...MONTH })).length,
  )
}

const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'audit-index-'))
try {
  const lines = writeJournal(join(directory, 'audit'))
  const path = join(directory, 'audit-index.db')
  const index = startAuditIndex({
    ...{ directory: join(directory, 'audit'), path, log: silentLog },
    createWatch: () => ({ observe: () => [], takeLearnt: () => new Map() }),
    onFindings: () => undefined,
  })
  await fill(index, lines)
  console.log(`index: ${Math.round(statSync(path).size / 1e6)} MB`)
  await answers(index)
  await index.close()
} finally {
  rmSync(directory, { recursive: true })
}
