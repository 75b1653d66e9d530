/**
 * What a request costs: processor time per request of nginx, of a bare Node proxy and of ours,
 * in the same run, over the same TLS upstream, with load and upstream on the other core.
 * Prints; writes nothing but with --save. README.md says how to read it.
 */

import { closeSync, fdatasyncSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { mintToken } from '../src/token/token.ts'
import { makeKey } from '../test/support/canary.ts'
import { createAuthority, LOOPBACK_NAMES } from '../test/support/pki.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../test/support/temporary.ts'
import { CORE, endChild, pin, startChild } from './child.ts'
import { cpuMicroseconds, residentMegabytes } from './cpu.ts'
import type { BareJob } from './bare.ts'
import type { LoadFigures, LoadJob } from './load.ts'
import { startNginx } from './nginx.ts'
import { startOurs } from './proxy.ts'
import type { Subject } from './subject.ts'

const CONNECTIONS = 32
const SECONDS = { warmUp: 2, measured: 6 }

const SCENARIOS = [
  { name: 'GET', method: 'GET', path: '/v1/customers' },
  { name: 'POST form', method: 'POST', path: '/v1/customers', body: 'email=a%40b.example&name=A' },
] as const
type Scenario = (typeof SCENARIOS)[number]

interface Row extends LoadFigures {
  readonly scenario: string
  readonly subject: string
  readonly cpuMicrosecondsPerRequest: number
  readonly residentMegabytes: number
}

async function main(): Promise<void> {
  const isPinned = pin(process.pid, CORE.rest) // and with it whatever it starts
  const directory = createTemporaryDirectory()
  const authority = createAuthority()
  const leaf = authority.issue({ names: LOOPBACK_NAMES })
  const { child: upstream, ready } = await startChild('upstream.ts', leaf)
  const job: BareJob = {
    origin: `https://127.0.0.1:${Number(ready)}`,
    ca: authority.certificate,
    token: mintToken('pt', 'live'),
    key: makeKey('sk_live_'),
  }
  describeMachine(isPinned, directory)
  try {
    const rows = await measureAll(job, directory)
    print(rows)
    if (process.argv.includes('--save')) save(rows)
  } finally {
    await endChild(upstream)
    directory.remove()
  }
}

async function measureAll(job: BareJob, directory: TemporaryDirectory): Promise<Row[]> {
  const rows: Row[] = []
  const starters = [() => startNginx(job, directory), () => startBare(job), () => startOurs(job)]
  for (const start of starters) {
    const subject = await start()
    if (!subject) {
      console.log('SKIPPED: nginx is not installed, so there is nothing to compare with')
      continue
    }
    pin(subject.pid, CORE.subject)
    try {
      for (const scenario of SCENARIOS) rows.push(await measure(subject, scenario, job.token))
    } finally {
      await subject.stop()
    }
  }
  return rows
}

async function startBare(job: BareJob): Promise<Subject> {
  const { child, ready } = await startChild('bare.ts', job)
  return {
    name: 'bare node:http and undici',
    url: `http://127.0.0.1:${Number(ready)}`,
    pid: child.pid ?? 0,
    stop: () => endChild(child),
  }
}

async function measure(subject: Subject, scenario: Scenario, token: string): Promise<Row> {
  const { name, method, path, ...body } = scenario
  const job: LoadJob = {
    url: `${subject.url}${subject.prefix ?? ''}${path}`,
    method,
    headers: {
      authorization: `Bearer ${subject.token ?? token}`,
      ...('body' in body && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...body,
    connections: CONNECTIONS,
    seconds: SECONDS.warmUp,
  }
  await load(job)
  const before = cpuMicroseconds(subject.pid)
  const figures = await load({ ...job, seconds: SECONDS.measured })
  const used = cpuMicroseconds(subject.pid) - before
  if (figures.failed > 0) throw new Error(`${subject.name}: ${figures.failed} requests failed`)
  return {
    ...figures,
    scenario: name,
    subject: subject.name,
    cpuMicrosecondsPerRequest: used / figures.requests,
    residentMegabytes: residentMegabytes(subject.pid),
  }
}

async function load(job: LoadJob): Promise<LoadFigures> {
  const { child, ready } = await startChild('load.ts', job)
  await endChild(child)
  return ready as LoadFigures
}

function describeMachine(isPinned: boolean, directory: TemporaryDirectory): void {
  const model = cpus()[0]?.model ?? 'unknown processor'
  console.log(`${model}, ${cpus().length} cores, Node ${process.versions.node}`)
  if (!isPinned) console.log('NOT PINNED: no taskset or no second core, so figures will wander')
  console.log(`fdatasync p50 of the audit's disk: ${medianSyncMs(directory).toFixed(3)} ms`)
}

function medianSyncMs(directory: TemporaryDirectory): number {
  const file = openSync(directory.write('sync', ''), 'w')
  const times = Array.from({ length: 101 }, () => {
    writeSync(file, 'x'.repeat(512))
    const startedAt = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  return times.sort((a, b) => a - b)[50] ?? 0
}

function print(rows: readonly Row[]): void {
  for (const { name } of SCENARIOS) {
    const ofScenario = rows.filter(({ scenario }) => scenario === name)
    const least = ofScenario[0]?.cpuMicrosecondsPerRequest ?? 1
    console.log(`\n${name}, ${CONNECTIONS} connections, TLS upstream`)
    console.log(
      '                             CPU us/request   ratio   requests/s   p50 ms   p99 ms   RSS MB',
    )
    for (const row of ofScenario) {
      const figures = [
        row.cpuMicrosecondsPerRequest.toFixed(1).padStart(15),
        (row.cpuMicrosecondsPerRequest / least).toFixed(2).padStart(8),
        row.requestsPerSecond.toFixed(0).padStart(13),
        row.p50Ms.toFixed(1).padStart(9),
        row.p99Ms.toFixed(1).padStart(9),
        row.residentMegabytes.toFixed(0).padStart(9),
      ]
      console.log(row.subject.padEnd(28) + figures.join(''))
    }
  }
}

function save(rows: readonly Row[]): void {
  const file = join(import.meta.dirname, 'results.json')
  writeFileSync(file, `${JSON.stringify(rows, undefined, 2)}\n`)
  console.log(`\nsaved to ${file}`)
}

await main()
