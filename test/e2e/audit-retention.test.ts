/** A server over an audit that is older than it is to be kept, and then with a clock that leapt. */

import { createPrivateKey } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openJournal } from '../../src/storage/journal/journal.ts'
import { AUDIT_KEY, anOutcome, aRequestId, intentOf } from '../support/audit.ts'
import { makeKey } from '../support/canary.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const DAY = 86_400_000

let upstream: Upstream
let proxy: ProxyProcess
let audit: string

beforeAll(async () => {
  upstream = await startUpstream()
  proxy = await startProxy({ services: [{ id: 'stripe', secret: makeKey('sk_live_'), upstream }] })
  audit = join(proxy.stateDirectory, 'audit')
  await proxy.end('SIGTERM')
  forgetAudit()
  await writeDays('local', [500, 450, 401, 300, 0])
  await writeDays('worker-3', [600, 590])
  await proxy.restart('SIGTERM')
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

function forgetAudit(): void {
  rmSync(join(proxy.stateDirectory, 'audit-seals'), { recursive: true })
  for (const name of ['local', 'clock']) rmSync(join(audit, name), { recursive: true, force: true })
  for (const name of readdirSync(proxy.stateDirectory))
    if (name.startsWith('audit-index')) rmSync(join(proxy.stateDirectory, name))
}

/** A segment of three records for each day: its opening, an intent and its outcome. */
async function writeDays(writer: string, ago: readonly number[]): Promise<void> {
  const key = createPrivateKey(
    readFileSync(join(proxy.stateDirectory, 'keys', 'audit-signing.pem')),
  )
  let now = Date.now() - (ago[0] ?? 0) * DAY
  const journal = await openJournal({
    ...{ directory: audit, environment: 'production', writer, hashKey: AUDIT_KEY },
    ...{ log: silentLog, now: () => now },
    sign: { key, origin: `apistronghold/production/${writer}` },
  })
  for (const days of ago) {
    now = Date.now() - days * DAY
    await journal.intent(intentOf(days))
    journal.outcome(anOutcome({ requestId: aRequestId(days) }))
    await journal.flush()
  }
  await journal.close()
}

const segments = (writer: string) =>
  readdirSync(join(audit, writer)).filter((name) => name.endsWith('.jsonl'))

const retired = async () => proxy.audit({ action: 'audit.retire' })

const logged = (event: string) => proxy.serves.at(-1)?.output.stderr.includes(event)

it('AU-08 lets go of what is too old, on the record, and keeps the hashes', async () => {
  await vi.waitFor(async () => {
    expect(await retired()).toMatchObject([
      { operator: 'system', target: 'local', details: { first: 1, last: 9, retentionDays: 400 } },
      { operator: 'system', target: 'worker-3', details: { first: 1, last: 6 } },
    ])
    expect(segments('worker-3')).toEqual(['0000000000000007.jsonl'])
  }, 15_000)
  expect(segments('local')[0]).toBe('0000000000000010.jsonl')
  for (const writer of ['local', 'worker-3'])
    expect(existsSync(join(audit, writer, '0000000000000001.hashes'))).toBe(true)
})

it('AU-03 leaves an audit that verifies, and says how much of it is retired', async () => {
  const { code, stdout } = await proxy.command(['audit', 'verify', audit])
  expect([code, stdout]).toEqual([0, expect.stringContaining('local: records 1 to 9 are retired')])
  expect(stdout).toContain('worker-3: records 1 to 6 are retired')
})

it('records that less is to be kept, and lets nothing go while the clock is doubtful', async () => {
  const file = join(proxy.directory.path, 'apistronghold.yaml')
  appendFileSync(file, '    audit: {retention: 30d}\n')
  process.kill(proxy.pid, 'SIGHUP')
  await vi.waitFor(async () => {
    expect(await proxy.audit({ action: 'settings.reload' })).toMatchObject([
      { details: { settings: { 'audit.retention': { before: '400d', after: '30d' } } } },
    ])
  }, 5000)
  await proxy.end('SIGTERM')
  writeFileSync(join(audit, 'clock'), `${Date.now() - 2 * DAY} 0\n`)
  await proxy.restart('SIGTERM')
  await vi.waitFor(() => {
    expect(logged('audit_retention_waits')).toBe(true)
  }, 15_000)
  expect(segments('local')[0]).toBe('0000000000000010.jsonl')
})

it('says in queries and reports where the audit begins now', async () => {
  await vi.waitFor(async () => {
    const { items } = JSON.parse(
      await proxy.commandWell(['audit', 'query', '--until', '350d', '--json']),
    ) as { items: unknown[] }
    expect(items).toEqual([])
  }, 15_000)
  const { code, stderr } = await proxy.command(['audit', 'query', '--since', '700d'])
  expect([code, stderr]).toEqual([0, expect.stringMatching(/records before .* were retired/)])
  expect((await proxy.command(['audit', 'query', '--since', '350d'])).stderr).not.toContain(
    'retired',
  )
  expect(await proxy.commandWell(['report', 'usage', '--since', '700d'])).toContain('any more')
  const { audit: kept } = JSON.parse(await proxy.commandWell(['status', '--json'])) as {
    audit: { retention: string; oldestAt: number }
  }
  expect(kept.retention).toBe('30d')
  expect(Math.round((Date.now() - kept.oldestAt) / DAY)).toBe(300)
})

it('builds its index anew from what is left', async () => {
  await proxy.commandWell(['audit', 'reindex'])
  expect((await retired()).length).toBeGreaterThanOrEqual(2)
})
