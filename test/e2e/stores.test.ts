/** Credentials that stay in HashiCorp Vault, on a running server with two workers. */

import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFakeVault, type FakeVault } from '../support/fake-vault.ts'
import { createAuthority } from '../support/pki.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { setSetting } from '../support/store-settings.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const authority = createAuthority()
const OLD = 'sk_live_old_canary3f9d2c'
const NEW = 'sk_live_new_canary3f9d2c'

let vault: FakeVault
let upstream: Upstream
let proxy: ProxyProcess
let token: string
let accepted: ReadonlySet<string>

beforeAll(async () => {
  vault = await startFakeVault({ authority })
  vault.putV2('stripe', { key: OLD })
  accepted = new Set([OLD])
  upstream = await startUpstream({
    authority,
    respond: ({ headers }) => {
      const given = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? ''
      return { status: accepted.has(given.replace(/^Bearer /, '')) ? 200 : 401 }
    },
  })
  proxy = await startProxy({ services: [{ id: 'stripe', upstream }] })
  const { directory } = proxy
  setSetting(directory.path, ['secret_dirs'], [directory.path])
  setSetting(directory.path, ['stores'], {
    hashicorp: {
      ...{ address: vault.url, auth: 'approle', allow_private_address: true },
      role_id: `file:${directory.write('role-id', vault.roleId)}`,
      secret_id: `file:${directory.write('secret-id', vault.secretId)}`,
      ...{ ca_file: directory.write('vault.pem', authority.certificate), fresh: '1s', stale: '3s' },
    },
  })
  await proxy.commandWell([
    'secret',
    'set',
    'stripe',
    '--source',
    'hashicorp:secret/data/stripe#key',
  ])
  await proxy.restart('SIGTERM', ['--workers', '2'])
  token = await proxy.issue('stripe:read')
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
  await vault.close()
})

function call(): Promise<{ readonly status: number; readonly body: string }> {
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    get(`${proxy.url}/stripe/v1/charges`, { agent: false, headers }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.once('close', () => {
        resolve({ status: answer.statusCode ?? 0, body })
      })
    }).once('error', reject)
  })
}

/** Resolves when every worker has this version of the secret in its memory. */
async function versionEverywhere(version: string): Promise<void> {
  const client = proxy.client()
  const isThere = async (): Promise<boolean> => {
    const { items } = await client.secrets.sources()
    return items.every((known) => known.name !== 'stripe' || known.version === version)
  }
  while (!(await isThere()));
}

const reads = () => vault.requests.filter((line) => line.startsWith('GET secret/')).length

/** Calls, four at a time, as long as it is told; gives how often each status came. */
async function load(isGoing: () => boolean): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>()
  const lane = async (): Promise<void> => {
    while (isGoing()) {
      const { status } = await call()
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  return statuses
}

describe('a credential in HashiCorp Vault', () => {
  it('goes into requests, and many cause few questions', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, call))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    // A second later each may have asked once more.
    expect(reads()).toBeLessThanOrEqual(4)
  })

  it('is asked for no more often when services are listed again and again', async () => {
    const before = reads()
    const since = Date.now()
    const client = proxy.client()
    for (let round = 0; round < 30; round++) {
      const { credentials } = await client.services.find('stripe')
      expect(credentials).toEqual([{ name: 'stripe', configured: true }])
    }
    // Once when the server itself first looks, and then as often as an answer ends: each 0.8 s.
    expect(reads() - before).toBeLessThanOrEqual(1 + Math.ceil((Date.now() - since) / 800))
  })

  it('is rotated in the middle of load, and no request fails', async () => {
    let isGoing = true
    const loaded = load(() => isGoing)
    accepted = new Set([OLD, NEW])
    vault.putV2('stripe', { key: NEW })
    const seen = upstream.count(NEW)
    await upstream.until(() => upstream.count(NEW) > seen + 50)
    // Within its deadline each worker has read the new one.
    await versionEverywhere('v2')
    accepted = new Set([NEW])
    const before = upstream.count(NEW)
    await upstream.until(() => upstream.count(NEW) > before + 50)
    isGoing = false
    const statuses = await loaded
    expect([...statuses.keys()]).toEqual([200])
  })

  it('serves within its bound while Vault is away, is refused beyond it, and comes back', async () => {
    expect((await call()).status).toBe(200)
    vault.fault = () => ({ status: 503, body: { errors: ['Vault is sealed'] } })
    const since = Date.now()
    let lastGood = since
    let answer = await call()
    while (answer.status === 200) {
      lastGood = Date.now()
      answer = await call()
    }
    expect(answer.status).toBe(503)
    expect(answer.body).toContain('secret_unavailable')
    // Fresh for a second at most and stale for three more, by the worker that asked last.
    expect(lastGood - since).toBeGreaterThan(2500)
    expect(lastGood - since).toBeLessThan(5000)
    vault.fault = undefined
    const until = Date.now() + 15_000
    while ((await call()).status !== 200) expect(Date.now()).toBeLessThan(until)
  }, 40_000)

  it('shows its source, version and last error in each worker, and never the value', async () => {
    vault.fault = () => ({ status: 429, headers: { 'retry-after': '2' } })
    const until = Date.now() + 10_000
    let shown = ''
    while (!shown.includes('429')) {
      expect(Date.now()).toBeLessThan(until)
      await call()
      shown = await proxy.commandWell(['secret', 'status', 'stripe', '--json'])
    }
    vault.fault = undefined
    expect(JSON.parse(shown)).toMatchObject({
      items: ['worker-1', 'worker-2'].map((process) => ({
        ...{ name: 'stripe', source: 'hashicorp:secret/data/stripe#key', process },
      })),
    })
    expect(shown).toContain('"version": "v2"')
    expect(shown).toContain('too many requests for its quota')
    const table = await proxy.commandWell(['secret', 'status'])
    expect(table).toMatch(/stripe +hashicorp:secret\/data\/stripe#key +worker-1/)
    for (const canary of [OLD, NEW]) expect(shown + table).not.toContain(canary)
  }, 30_000)

  it('CE-11 is nowhere in what the server printed', () => {
    const printed = proxy.serves.map(({ output }) => output.stderr + output.stdout).join('')
    expect(printed).toContain('secret_store_down')
    for (const canary of [OLD, NEW, vault.secretId, 'hvs.']) expect(printed).not.toContain(canary)
  })

  it('leaves no token behind', async () => {
    await proxy.end('SIGTERM')
    expect(vault.liveTokens()).toBe(0)
  })
})
