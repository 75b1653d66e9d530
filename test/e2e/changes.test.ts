/** Every change to the system stands in the audit: what `init` set up, and what files say now. */

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const PATIENCE = { timeout: 15_000, interval: 50 }
let upstream: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({ services: [{ id: 'stripe', secret: KEY, upstream }] })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

const append = (text: string) => {
  appendFileSync(join(proxy.directory.path, 'apistronghold.yaml'), text)
}

/** Before it says so, what it began with may not be on the record yet. */
const started = () =>
  vi.waitFor(() => {
    expect(proxy.serves.at(-1)?.output.stderr).toContain('"event":"started"')
  }, PATIENCE)

it('holds the first admin, and the secrets that init sealed', async () => {
  const [admin, ...others] = await proxy.audit({ action: 'operator.add' })
  expect(admin).toMatchObject({ operator: 'system', details: { role: 'admin', by: 'init' } })
  expect(others).toEqual([])
  expect(await proxy.audit({ action: 'secret.set' })).toMatchObject([
    { operator: 'system', target: 'stripe', details: { version: 1, by: 'init' } },
  ])
})

it('holds what a signal made the server read anew, under the name of nobody', async () => {
  append('    tokens: {max_ttl: 2h}\n')
  process.kill(proxy.pid, 'SIGHUP')
  await vi.waitFor(async () => {
    const change = { 'tokens.maxTtlSeconds': { before: '86400', after: '7200' } }
    expect(await proxy.audit({ action: 'settings.reload' })).toMatchObject([
      { operator: 'system', details: { settings: change } },
    ])
  }, PATIENCE)
})

it('holds what was changed while the server was stopped', async () => {
  await proxy.end('SIGTERM')
  append('    env_sources: [STRIPE_KEY]\n')
  await proxy.restart('SIGTERM')
  await started()
  await proxy.restart('SIGTERM')
  await started()
  const change = { environmentSources: { after: 'STRIPE_KEY' } }
  const records = await proxy.audit({ action: 'settings.change' })
  expect(records).toMatchObject([{ operator: 'system', details: { settings: change } }])
})
