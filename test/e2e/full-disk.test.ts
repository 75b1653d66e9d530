/** AU-02 as the background service meets it: its own log is on the disk that is full. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { canFillDisk, fillDisk, freeDisk } from '../support/full-disk.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { skipUnless } from '../support/skip.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const PATIENCE = { timeout: 20_000, interval: 50 }

const isPossible = canFillDisk() && process.platform === 'linux'

describe.skipIf(skipUnless(isPossible, 'no prlimit here, so no full disk')).each([1, 2])(
  'the background service with %i workers',
  (workers) => {
    let upstream: Upstream
    let proxy: ProxyProcess
    let run: { readonly pid: number; readonly data: string }
    let token: string

    beforeAll(async () => {
      upstream = await startUpstream({ respond: respondAsStripe(KEY) })
      proxy = await startProxy({ services: [{ id: 'stripe', secret: KEY, upstream }] })
      await proxy.end('SIGTERM')
      await proxy.commandWell(['start', '--workers', String(workers)])
      run = JSON.parse(read('run', 'serve.json')) as typeof run
      token = await proxy.issueByCommand('stripe:read')
    })

    afterAll(async () => {
      await proxy.commandWell(['stop'])
      await proxy.stop()
      await upstream.close()
    })

    const read = (...path: string[]) => readFileSync(join(proxy.stateDirectory, ...path), 'utf8')

    async function call(path = 'customers'): Promise<number> {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`${run.data}/stripe/v1/${path}`, { headers })).status
    }

    it('shows how much of its quota the audit uses, before it is too much', async () => {
      const { audit } = JSON.parse(await proxy.commandWell(['status', '--json'])) as {
        audit: { bytes: number; quotaBytes: number; quotaHigh: boolean }
      }
      expect(audit).toMatchObject({ quotaBytes: 10 * 1024 ** 3, quotaHigh: false })
      expect(audit.bytes).toBeGreaterThan(0)
      expect(await proxy.commandWell(['status'])).toMatch(/ of 10 GiB \(0 %\)/)
      expect((await proxy.command(['doctor'])).stdout).toMatch(/ok +audit quota/)
    })

    it('refuses while neither the audit nor its log has room, and serves again after', async () => {
      expect(await call()).toBe(200)
      const all = processesOf(run.pid)
      expect(all).toHaveLength(workers === 1 ? 1 : 1 + workers)
      all.forEach(fillDisk)
      upstream.forget()
      try {
        // As many as reach each of the workers, of requests that are allowed and of others.
        for (let times = 0; times < 6; times++) {
          expect(await call()).toBe(503)
          expect(await call('balance')).toBeGreaterThanOrEqual(400)
        }
        expect(upstream.requests).toEqual([])
        expect(processesOf(run.pid)).toEqual(all)
      } finally {
        all.forEach(freeDisk)
      }
      await vi.waitFor(async () => {
        for (let times = 0; times < 4; times++) expect(await call()).toBe(200)
      }, PATIENCE)
      expect(processesOf(run.pid)).toEqual(all)
      await vi.waitFor(() => {
        expect(read('logs', 'serve.log')).toContain('"event":"log_lines_lost"')
      }, PATIENCE)
    })
  },
)

/** The server and its workers. */
function processesOf(server: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const workers = all
    .map(Number)
    .filter((pid) => isAlive(pid) && statusOf(pid, 'PPid') === `${server}`)
  return isAlive(server) ? [server, ...workers] : workers
}

/** Not gone, nor only waiting to be looked after, which may take long where nobody does. */
function isAlive(pid: number): boolean {
  return !/^Z|^$/.test(statusOf(pid, 'State'))
}

/** As the system shows it; empty when there is no such process. */
function statusOf(pid: number, field: 'State' | 'PPid'): string {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? ''
  } catch {
    return ''
  }
}
