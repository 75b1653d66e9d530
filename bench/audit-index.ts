/**
 * What the audit's index costs and how quickly it answers.
 *
 *     node bench/audit-index.ts [rows] [directory] [--save]
 *
 * Rows are requests and refusals of 30 days; the directory's disk holds the journal (1 GB for a
 * million) and the index. `--save` keeps the figures for docs/performance.md.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { AuditFilter } from '../src/audit/audit-reader.ts'
import { silentLog } from '../src/base/log.ts'
import { startAuditIndex, type LocalAuditIndex } from '../src/storage/audit-index/audit-index.ts'
import { AGENTS, DAY_MS, DAYS, requestIdOf, START, writeMonth } from './audit-journal.ts'
import { keepRuns, type IndexRun, type Question } from './audit-results.ts'
import { writePage } from './page.ts'
import { percentile } from './percentile.ts'

const { values, positionals } = parseArgs({
  options: { save: { type: 'boolean' } },
  allowPositionals: true,
})
const ROWS = Number(positionals[0] ?? 1_000_000)

/** Seconds until everything is in. */
async function fill(index: LocalAuditIndex): Promise<number> {
  const started = performance.now()
  let status = await index.status()
  while (status.isRebuilding) {
    await setTimeout(500)
    status = await index.status()
  }
  return (performance.now() - started) / 1000
}

const questions: Question[] = []

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
  questions.push({ name, found, p50Ms: round(p50), p95Ms: round(p95) })
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
  await measure('a request by its id', 50, (run) => page({ requestId: requestIdOf(run * 1009) }))
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

const round = (figure: number): number => Number(figure.toPrecision(figure < 100 ? 2 : 3))

async function run(directory: string): Promise<IndexRun> {
  const { lines, bytes } = writeMonth(join(directory, 'audit'), ROWS)
  const journalMegabytes = Math.round(bytes / 1e6)
  console.log(`journal: ${lines} lines, ${journalMegabytes} MB`)
  const path = join(directory, 'audit-index.db')
  const index = startAuditIndex({
    ...{ directory: join(directory, 'audit'), path, log: silentLog },
    createWatch: () => ({ observe: () => [], takeLearnt: () => new Map() }),
    onFindings: () => undefined,
  })
  const seconds = await fill(index)
  const indexMegabytes = Math.round(statSync(path).size / 1e6)
  const linesPerSecond = Math.round(lines / seconds)
  console.log(`filled in ${seconds.toFixed(1)} s, ${linesPerSecond} lines/s, ${indexMegabytes} MB`)
  await answers(index)
  await index.close()
  const sizes = { records: ROWS, journalMegabytes, indexMegabytes, linesPerSecond }
  return { ...sizes, fillSeconds: round(seconds), questions }
}

const directory = mkdtempSync(join(positionals[1] ?? tmpdir(), 'audit-index-'))
try {
  const measured = await run(directory)
  if (values.save) {
    keepRuns({ index: { [ROWS]: measured } })
    writePage()
  }
} finally {
  rmSync(directory, { recursive: true })
}
