/**
 * What the audit costs: CPU of one line, and what sharing commits saves.
 * `node bench/journal.ts [directory]`; the directory's disk is the one that is measured.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLineFormat, numbered } from '../src/audit/record.ts'
import type { IntentEvent } from '../src/audit/audit-log.ts'
import { redactPath } from '../src/audit/path.ts'
import { hideCredentials } from '../src/audit/credential-shapes.ts'
import { silentLog } from '../src/base/log.ts'
import { openJournal } from '../src/storage/journal/journal.ts'
import { anIntent, anOutcome, AUDIT_KEY, aRequestId } from '../test/support/audit.ts'
import { aGrant, anAccess } from '../test/support/grants.ts'

const LINES = 200_000
const REQUESTS = 20_000
const SYNCS = 500

const grants = Array.from({ length: 20 }, (_, index) => aGrant({ id: `tok_${index}` }))

/** Requests as they come: few tokens, always another id, often another path. */
function intent(number: number): IntentEvent {
  const path = `/v1/customers/cus_NffrFeUfNV${String(number % 5000).padStart(4, '0')}`
  const access = anAccess({ requestId: aRequestId(number), path, receivedAt: Date.now() })
  const grant = grants[number % grants.length]!
  return anIntent({ grant, access, userAgent: 'Stripe/v1 NodeBindings/23.1.0' })
}

/** The same record by way of an object, JSON.stringify and the same redaction. */
function stringify(sequence: number, { grant, access, ...event }: IntentEvent): string {
  return `${JSON.stringify({
    seq: sequence,
    time: new Date().toISOString(),
    kind: 'intent',
    requestId: access.requestId,
    writer: 'local',
    at: new Date(access.receivedAt).toISOString(),
    agent: hideCredentials(grant.agent),
    tokenId: grant.id,
    sessionId: grant.sessionId ?? null,
    chain: grant.chain,
    issuedBy: hideCredentials(grant.issuedBy),
    service: hideCredentials(access.service),
    scopes: access.scopes.map(hideCredentials),
    method: hideCredentials(access.method),
    host: hideCredentials(access.host),
    rule: access.rule,
    path: redactPath(access.path, { key: AUDIT_KEY, patterns: [] }),
    parameters: event.parameters,
    decision: 'allow',
    origin: hideCredentials(access.origin),
    credential: event.credential,
    source: access.source,
    userAgent: hideCredentials(event.userAgent ?? ''),
    catalogDigest: event.catalogDigest,
    marks: [],
  })}\n`
}

/** Microseconds of CPU for each call; the best of five rounds, since others use this machine too. */
function cpuOf(run: (number: number) => string): number {
  let best = Number.POSITIVE_INFINITY
  let bytes = 0
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    // Flattened as for a write, or a rope of pieces would be all that was measured.
    for (let number = 0; number < LINES; number += 100) {
      let batch = ''
      for (let line = number; line < number + 100; line++) batch += run(line)
      bytes += Buffer.from(batch).length
    }
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / LINES)
  }
  return bytes > 0 ? best : Number.NaN
}

async function throughput(directory: string, clients: number): Promise<string> {
  const journal = await openJournal({
    ...{ directory, environment: 'bench', writer: `clients-${clients}`, hashKey: AUDIT_KEY },
    ...{ log: silentLog, now: Date.now },
  })
  const requests = clients === 1 ? SYNCS : REQUESTS
  const waits: number[] = []
  let next = 0
  const client = async () => {
    while (next < requests) {
      const number = next++
      const started = performance.now()
      await journal.intent(intent(number))
      waits.push(performance.now() - started)
      journal.outcome(anOutcome({ requestId: aRequestId(number) }))
    }
  }
  const started = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  await journal.close()
  waits.sort((a, b) => a - b)
  const at = (share: number) => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2)
  return (
    `${Math.round(requests / seconds)} intents/s, ` +
    `${((user + system) / requests).toFixed(1)} us CPU for intent and outcome, ` +
    `wait p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
  )
}

async function onePerIntent(directory: string): Promise<string> {
  const file = await open(join(directory, 'each'), 'w')
  const format = createLineFormat({
    ...{ writer: 'local', environment: 'bench', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const started = performance.now()
  for (let number = 0; number < SYNCS; number++) {
    await file.write(numbered(number, format.intent(intent(number), Date.now())))
    await file.datasync()
  }
  const seconds = (performance.now() - started) / 1000
  await file.close()
  return `${Math.round(SYNCS / seconds)} intents/s`
}

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'apistronghold-bench-'))
try {
  const format = createLineFormat({
    ...{ writer: 'local', environment: 'bench', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const ours = cpuOf((number) => numbered(number, format.intent(intent(number), Date.now())))
  const generic = cpuOf((number) => stringify(number, intent(number)))
  const event = cpuOf((number) => intent(number).access.path)
  console.log(`one intent line      ${(ours - event).toFixed(2)} us CPU`)
  console.log(`by JSON.stringify    ${(generic - event).toFixed(2)} us CPU`)
  console.log(`ratio                ${((ours - event) / (generic - event)).toFixed(2)}`)
  console.log(`one fdatasync each   ${await onePerIntent(directory)}`)
  for (const clients of [1, 8, 64, 512])
    console.log(
      `${String(clients).padStart(3)} clients          ${await throughput(directory, clients)}`,
    )
} finally {
  rmSync(directory, { recursive: true })
}
