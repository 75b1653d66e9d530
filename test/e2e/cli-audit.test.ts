import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createClient, type AuditRecord } from '../../sdk/src/client.ts'
import { makeKey } from '../support/canary.ts'
import { startCommand } from '../support/command.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const AGENT = 'order-processing-agent'

let upstream: Upstream
let proxy: ProxyProcess
let token: string

beforeAll(async () => {
  upstream = await startUpstream()
  proxy = await startProxy({ services: [{ id: 'stripe', secret: makeKey('sk_live_'), upstream }] })
  token = await proxy.issue('stripe:read,stripe:write', { agent: AGENT })
  for (const [method, path] of CALLS) await call(method, path)
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

const MONTH = new Date().toISOString().slice(0, 7)

const CALLS = [
  ['GET', '/v1/customers'],
  ['POST', '/v1/charges'],
  ['POST', '/v1/refunds'],
  ['GET', '/v1/charges'],
] as const

async function call(method: string, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  await (await fetch(`${proxy.url}/stripe${path}`, { method, headers })).text()
}

const audit = (...args: readonly string[]) => proxy.commandWell(['audit', ...args])

async function found(...args: readonly string[]): Promise<readonly AuditRecord[]> {
  const { items } = JSON.parse(await audit('query', '--json', ...args)) as {
    items: readonly AuditRecord[]
  }
  return items
}

const paths = (records: readonly AuditRecord[]) => records.map(({ path }) => path)

describe('audit query', () => {
  it('shows a request the moment that it has been answered', async () => {
    for (let times = 0; times < 3; times++) {
      const path = `/v1/customers/cus_NffrFeUfNV2Hi${times}`
      await call('GET', path)
      expect(paths(await proxy.audit({ order: 'newest', agent: AGENT, limit: 1 }))).toEqual([path])
    }
  })

  it.each([
    ['--agent', AGENT, '--decision', 'deny'],
    ['--reason', 'scope_missing'],
    ['--scope', 'stripe:refund'],
    ['--path', '/v1/refunds'],
    ['--agent', AGENT, '--text', 'REFUNDS', '--source', '127.0.0.0/8', '--newest', '--since', '1h'],
  ])('narrows with %s %s %s %s', async (...args) => {
    expect(paths(await found(...args))).toEqual(['/v1/refunds'])
  })

  it('answers "every call to the payment API this month, by agent" with one command', async () => {
    const args = ['--service', 'stripe', '--month', MONTH, '--count-by', 'agent,decision']
    const counted = JSON.parse(await audit('query', ...args, '--json')) as { items: object[] }
    expect(counted.items).toMatchObject([
      { agent: AGENT, decision: 'allow', requests: 6, failed: 0 },
      { agent: AGENT, decision: 'deny', requests: 1 },
    ])
    expect(await audit('query', ...args)).toMatch(/order-processing-agent +allow +6/)
    expect((await audit('query', ...args, '--format', 'csv')).split('\n')[1]).toMatch(
      /^order-processing-agent,allow,6,0,/,
    )
  })

  it.each([
    [['query', '--status', '9xx'], 'is a status'],
    [['query', '--month', '2026-13'], '--month takes'],
    [['query', '--month', '2026-03', '--since', '1h'], 'either --month'],
    [['query', '--descendants'], '--agent or --token'],
    [['query', '--count-by', 'colour'], '--count-by takes'],
    [['query', '--count-by', 'agent', '--path', '/v1'], '--count-by goes with'],
    [['query', '--count-by', 'agent', '--cursor', 'x'], '--count-by goes with'],
    [['query', '--cursor', 'x'], 'The cursor is not one of this list'],
    [['query', '--limit', '0'], '--limit'],
    [['export', '-o', 'x.csv'], 'say which time'],
    [['tail', '-n', '5000'], '-n takes'],
    [['tail', '-n', 'few'], '-n takes'],
    [['query', '--limit', 'few'], '--limit'],
    [['query', '--since', '1h', '--until', '2h'], '--until must be after'],
    [['export', '--month', '2999-01', '-o', 'x.csv'], 'has not begun'],
  ])('%j ends with 2 and says why', async (args, words) => {
    const { code, stderr } = await proxy.command(['audit', ...args])
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)])
  })

  it.each([
    ['--agent', AGENT],
    ['--agent', AGENT, '--since', '1h', '--newest'],
    ['--month', MONTH],
  ])('goes on where it ended, page after page, with %s %s %s %s', async (...args) => {
    const question = [...args, '--text', '/v1/']
    const all = paths(await found(...question))
    const walked: unknown[] = []
    for (let cursor: readonly string[] = []; ;) {
      const options = ['query', ...question, '--limit', '3', ...cursor, '--format', 'json']
      const { stdout, stderr } = await proxy.command(['audit', ...options])
      const page = JSON.parse(stdout) as { items: AuditRecord[]; nextCursor?: string }
      walked.push(...paths(page.items))
      expect(stderr.includes('--cursor')).toBe(page.nextCursor !== undefined)
      if (page.nextCursor === undefined) break
      expect(page.items).toHaveLength(3)
      cursor = ['--cursor', page.nextCursor]
    }
    expect(all.length).toBeGreaterThan(3)
    expect(walked.filter(Boolean)).toEqual(all.filter(Boolean))
  })

  it.each(['table', 'jsonl', 'csv', 'ocsf', 'json'])(
    'says beside a cut %s how to go on, and takes the cursor for this question only',
    async (format) => {
      const question = ['audit', 'query', '--agent', AGENT, '--since', '1h', '--format', format]
      const { code, stderr } = await proxy.command([...question, '--limit', '1'])
      const [, cursor = ''] = /there are more: .* --cursor (\S+)/.exec(stderr) ?? []
      expect([code, cursor]).toEqual([0, expect.stringMatching(/^\d+\.[\w-]+$/)])
      expect((await proxy.command([...question, '--cursor', cursor])).code).toBe(0)
      const other = await proxy.command([...question, '--decision', 'deny', '--cursor', cursor])
      expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('The cursor is not')])
    },
  )

  it('ends well when its reader has seen enough', async () => {
    await proxy.client().audit.query({ agent: AGENT })
    const { child, finished } = startCommand(['audit', 'query', '--format', 'csv'], {
      directory: proxy.directory.path,
    })
    child.stdout?.destroy()
    const { code, stderr } = await finished
    expect([code, stderr]).toEqual([0, ''])
  })

  it('prints each form as lines for other programs', async () => {
    const jsonl = (await audit('query', '--agent', AGENT, '--format', 'jsonl')).trim().split('\n')
    const ocsf = (await audit('query', '--agent', AGENT, '--format', 'ocsf')).trim().split('\n')
    const csv = (await audit('query', '--agent', AGENT, '--format', 'csv')).trim().split('\n')
    expect(jsonl.map((line) => (JSON.parse(line) as AuditRecord).agent)).toEqual(
      Array.from({ length: 7 }, () => AGENT),
    )
    expect(ocsf.map((line) => (JSON.parse(line) as AuditRecord)['class_uid'])).toEqual(
      Array.from({ length: 7 }, () => 6003),
    )
    expect(csv).toHaveLength(8)
  })
})

describe('audit export', () => {
  it('AU-09 writes a private file with its digest, and is on the record', async () => {
    const summary = JSON.parse(
      await audit('export', '--since', '1h', '--format', 'csv', '-o', 'all.csv', '--json'),
    ) as { records: number; sha256: string; bytes: number }
    const path = join(proxy.directory.path, 'all.csv')
    const content = readFileSync(path)
    expect(createHash('sha256').update(content).digest('hex')).toBe(summary.sha256)
    expect(content.toString().trim().split('\n')).toHaveLength(summary.records + 1)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const [record] = await found('--action', 'audit.export')
    expect(record).toMatchObject({ action: 'audit.export', result: 'done' })
    expect(readFileSync(path, 'utf8')).not.toContain(token)
  })

  it('touches no file that is there, and leaves nothing behind when it fails', async () => {
    const path = join(proxy.directory.path, 'mine.jsonl')
    writeFileSync(path, 'mine')
    const args = ['audit', 'export', '--since', '1h', '-o', 'mine.jsonl']
    expect((await proxy.command(args)).code).toBe(2)
    expect(readFileSync(path, 'utf8')).toBe('mine')
    rmSync(path)
    writeFileSync(`${path}.partial`, 'half of an earlier one')
    expect((await proxy.command([...args, '--status', '9xx'])).code).toBe(2)
    expect([existsSync(path), existsSync(`${path}.partial`)]).toEqual([false, false])
  })
})

describe('audit tail', () => {
  it('shows the newest records, and follows until it is interrupted, through a restart', async () => {
    const place = { directory: proxy.directory.path }
    const tail = startCommand(
      ['audit', 'tail', '-f', '-n', '1', '--agent', AGENT, '--format', 'jsonl'],
      place,
    )
    const shown = () =>
      paths(
        tail.output.stdout
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as AuditRecord),
      )
    await vi.waitFor(() => {
      expect(shown()).toHaveLength(1)
    }, 10_000)
    await call('GET', '/v1/customers/cus_NffrFeUfNV2Hi7')
    await call('GET', '/v1/customers/cus_NffrFeUfNV2Hi8')
    await vi.waitFor(() => {
      expect(shown().slice(1)).toEqual(
        [7, 8].map((last) => `/v1/customers/cus_NffrFeUfNV2Hi${last}`),
      )
    }, 10_000)
    tail.child.kill('SIGINT')
    await tail.finished
    const readings = await found('--action', 'audit.tail')
    expect(readings).toHaveLength(1)
  })
})

describe('AU-09 an issuer', () => {
  it.each(['query', 'tail', 'export --since 1h -o no.jsonl', 'reindex'])(
    'may not %s',
    async (words) => {
      const name = `ivan-${words.split(' ')[0] ?? ''}`
      const { key } = await proxy.client().operators.add({ name, role: 'issuer' })
      const environment = { APISTRONGHOLD_URL: proxy.control, APISTRONGHOLD_OPERATOR_KEY: key }
      const { code, stderr } = await startCommand(['audit', ...words.split(' ')], {
        ...{ directory: proxy.directory.path, environment },
      }).finished
      expect([code, stderr]).toEqual([1, expect.stringContaining('issuer')])
      expect(existsSync(join(proxy.directory.path, 'no.jsonl'))).toBe(false)
      const client = createClient({ url: proxy.control, key })
      await expect(client.audit.status()).rejects.toMatchObject({ status: 403 })
    },
  )
})

describe('the index', () => {
  const path = () => join(proxy.stateDirectory, 'audit-index.db')

  it('AU-08 is built anew on command, and after it was deleted or damaged', async () => {
    const before = await found('--agent', AGENT)
    expect(await audit('reindex')).toMatch(/^indexed \d+ records of production/)
    expect(await found('--agent', AGENT)).toEqual(before)
    await proxy.end('SIGTERM')
    rmSync(path())
    await proxy.restart('SIGTERM')
    expect(await found('--agent', AGENT)).toEqual(before)
    await proxy.end('SIGTERM')
    writeFileSync(path(), 'damaged'.repeat(10_000))
    await proxy.restart('SIGTERM')
    expect(await found('--agent', AGENT)).toEqual(before)
    expect(proxy.serves.at(-1)?.output.stderr).toContain('audit_index_set_aside')
    expect(statSync(path()).mode & 0o777).toBe(0o600)
  })
})
