/** Every change to the system stands in the audit: what `init` set up, and what files say now. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../sdk/src/client.ts'
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

/** Whose key this machine has. */
async function adminName(): Promise<string> {
  const { items } = await proxy.client().operators.list()
  return items.find(({ role }) => role === 'admin')?.name ?? ''
}

const pointed = (records: readonly AuditRecord[]) =>
  records.filter(({ details }) => JSON.stringify(details).includes('services.stripe.origin'))

async function pointElsewhere(port: number) {
  const origin = `https://localhost:${port}`
  const line = ['service', 'set', 'stripe', '--origin', origin]
  const words = await proxy.commandWell(line)
  expect(words).toMatch(/^stripe set in production \(.*\); the running service was told$/)
  const records = pointed(await proxy.audit({ action: 'settings.reload' }))
  const change = { 'services.stripe.origin': { after: origin } }
  expect(records.at(-1)).toMatchObject({ target: 'production', details: { settings: change } })
  return records
}

it('holds what a command changed in the files, under the name of its operator', async () => {
  const records = await pointElsewhere(9441)
  const name = await adminName()
  expect(records).toMatchObject([{ operator: name, source: '127.0.0.1' }])
  expect(name).not.toBe('system')
})

it('holds it under the name of nobody where the key may not, beside the attempt', async () => {
  const { key } = await proxy.client().operators.add({ name: 'ivan', role: 'issuer' })
  const file = join(proxy.stateDirectory, 'keys', 'operator.key')
  const before = readFileSync(file, 'utf8')
  try {
    writeFileSync(file, `${key}\n`)
    const words = await proxy.commandWell(['service', 'set', 'stripe', '--body-limit', '2MiB'])
    expect(words).toMatch(/; the running service was told$/)
  } finally {
    writeFileSync(file, before)
  }
  await vi.waitFor(async () => {
    const [last] = (await proxy.audit({ action: 'settings.reload' })).slice(-1)
    const changed = { 'services.stripe.bodyLimitBytes': {} }
    expect(last).toMatchObject({ operator: 'system', details: { settings: changed } })
  }, PATIENCE)
  expect(await proxy.audit({ action: 'role.exceeded' })).toMatchObject([
    { operator: 'ivan', target: 'POST /v1/reload' },
  ])
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

it('holds what a command changed under that name where workers serve, too', async () => {
  await proxy.restart('SIGTERM', ['--workers', '2'])
  await started()
  const name = await adminName()
  expect((await pointElsewhere(9442)).at(-1)).toMatchObject({ operator: name })
})
