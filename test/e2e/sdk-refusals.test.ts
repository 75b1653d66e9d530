/** Refusals as SDKs feel them: each call rejects, at once, with words that say what to do. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { SDK_CASES, type SdkCase } from '../support/clients.ts'
import { issueExpired } from '../support/expiry.ts'
import { canFillDisk, fillDisk, freeDisk } from '../support/full-disk.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { skipUnless } from '../support/skip.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const upstreams = new Map<string, Upstream>()
const tokens = new Map<string, string>()
const expired = new Map<string, string>()
let proxy: ProxyProcess

beforeAll(async () => {
  for (const { id, respond } of SDK_CASES) upstreams.set(id, await startUpstream({ respond }))
  proxy = await startProxy({
    services: SDK_CASES.map(({ id, key }) => ({ id, secret: key, upstream: upstreams.get(id)! })),
  })
  for (const { id, scopes } of SDK_CASES) {
    tokens.set(id, await proxy.issue(scopes, { agent: `${id}-agent` }))
  }
  const spent = await issueExpired(
    proxy,
    SDK_CASES.map(({ scopes }) => scopes),
  )
  SDK_CASES.forEach(({ id }, index) => expired.set(id, spent[index]!))
})

afterAll(async () => {
  await proxy.stop()
  for (const upstream of upstreams.values()) await upstream.close()
})

beforeEach(() => {
  for (const upstream of upstreams.values()) upstream.forget()
})

/** What an SDK threw, as its user sees it: the message, and what Slack puts beside it. */
async function rejection(call: Promise<unknown>): Promise<string> {
  const startedAt = Date.now()
  const error = await call.then(
    () => expect.fail('the call resolved'),
    (thrown: unknown) => thrown as Error & { data?: unknown },
  )
  expect(Date.now() - startedAt).toBeLessThan(1000)
  return `${error.message} ${JSON.stringify(error.data ?? {})}`
}

async function denials({ id }: SdkCase): Promise<number> {
  return (await proxy.audit({ agent: `${id}-agent`, decision: 'deny' })).length
}

describe.each(SDK_CASES)('the $id SDK', (sdk) => {
  const token = () => tokens.get(sdk.id)!
  const received = () => upstreams.get(sdk.id)!.requests

  it('works at all', async () => {
    await sdk.allowed(proxy.url, token())
    expect(received()).toHaveLength(1)
  })

  it('rejects a missing scope by its name, and leaves one record', async () => {
    const before = await denials(sdk)
    expect(await rejection(sdk.forbidden(proxy.url, token()))).toContain(sdk.missing)
    expect(received()).toEqual([])
    expect(await denials(sdk)).toBe(before + 1)
  })

  it('rejects an expired token', async () => {
    const message = await rejection(sdk.allowed(proxy.url, expired.get(sdk.id)!))
    expect(message).toMatch(/phantom token|invalid_auth|token_expired|invalid_token/i)
    expect(received()).toEqual([])
  })

  it('rejects when the secret is missing, by the command that sets it, and works after it', async () => {
    await proxy.commandWell(['secret', 'delete', sdk.id, '--yes'])
    const message = await rejection(sdk.allowed(proxy.url, token()))
    expect(message).toContain(`secret set ${sdk.id}`)
    expect(received()).toEqual([])
    await proxy.commandWell(['secret', 'set', sdk.id], sdk.key)
    await sdk.allowed(proxy.url, token())
  })

  it.skipIf(skipUnless(canFillDisk(), 'no prlimit here, so no full disk'))(
    'AU-02 rejects when the disk is full, forwards nothing, and works when it is not',
    async () => {
      fillDisk(proxy.pid)
      try {
        const message = await rejection(sdk.allowed(proxy.url, token()))
        expect(message).toMatch(/audit/)
        expect(received()).toEqual([])
      } finally {
        freeDisk(proxy.pid)
      }
      // It tries the disk again by itself; nobody restarts it.
      await vi.waitFor(() => sdk.allowed(proxy.url, token()), { timeout: 5000, interval: 100 })
    },
  )
})
