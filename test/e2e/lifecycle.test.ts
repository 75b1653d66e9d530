/** The life of the process: killed, started twice, started again; agents that stay dead. */

import { readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { run } from '../support/command.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')

describe('a running proxy', () => {
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

  async function statusWith(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` }
    return (await fetch(`${proxy.url}/stripe/v1/customers`, { headers })).status
  }

  it('keeps a second one from the same state directory, and names the first', async () => {
    const startedAt = Date.now()
    const second = await proxy.command(['serve'])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(String(proxy.pid))
    expect(Date.now() - startedAt).toBeLessThan(5000)
    expect(second.stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'starts again after %s, with its tokens and its revocations',
    async (signal) => {
      const token = await proxy.issue('stripe:read')
      const revoked = await proxy.issue('stripe:read')
      await proxy.client().tokens.revoke({ token: revoked })
      await proxy.restart(signal)
      expect(await statusWith(token)).toBe(200)
      expect(await statusWith(revoked)).toBe(401)
    },
  )

  it('ends with 0 on SIGTERM and says nothing alarming', async () => {
    const ending = proxy.serves.at(-1)!
    await proxy.restart('SIGTERM')
    expect((await ending.finished).code).toBe(0)
  })

  it('keeps the old tokens of an agent dead when it is disabled and enabled', async () => {
    const old = await proxy.issue('stripe:read', { agent: 'fickle' })
    expect(await statusWith(old)).toBe(200)
    await proxy.commandWell(['agent', 'disable', 'fickle'])
    expect(await statusWith(old)).toBe(401)
    const refused = await proxy.command(
      'token issue --agent fickle --scopes stripe:read --ttl 1h'.split(' '),
    )
    expect(refused.code).toBe(1)
    await proxy.commandWell(['agent', 'enable', 'fickle'])
    expect(await statusWith(old)).toBe(401)
    expect(await statusWith(await proxy.issue('stripe:read', { agent: 'fickle' }))).toBe(200)
  })

  it('revokes twice as if once, and everything of one agent at once', async () => {
    const tokens = [
      await proxy.issue('stripe:read', { agent: 'crowd' }),
      await proxy.issue('stripe:read', { agent: 'crowd' }),
    ]
    for (let times = 0; times < 2; times++) {
      await proxy.commandWell(['token', 'revoke', '--agent', 'crowd'])
      for (const token of tokens) expect(await statusWith(token)).toBe(401)
    }
  })

  it('shows in the audit who was let in, who was not and why, and what operators did', async () => {
    const token = await proxy.issue('stripe:read', { agent: 'watched' })
    await statusWith(token)
    await fetch(`${proxy.url}/stripe/v1/refunds`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    const denied = await proxy.audit({ agent: 'watched', decision: 'deny' })
    expect(JSON.stringify(denied)).toContain('stripe:refund')
    expect(await proxy.audit({ agent: 'watched', decision: 'allow' })).toHaveLength(1)
    expect(JSON.stringify(await proxy.audit())).toContain('token.issue')
  })
})

describe('in an empty folder', () => {
  let directory: TemporaryDirectory | undefined

  afterEach(() => directory?.remove())

  it.each([
    'serve',
    'start',
    'stop',
    'status',
    'token list',
    'token issue --agent a --scopes stripe:read',
    'agent list',
    'secret list',
    'audit query',
    'operator list',
  ])('%s says that there is no configuration and creates nothing', async (line) => {
    directory = createTemporaryDirectory()
    const { code, stdout, stderr } = await run(line.split(' '), { directory: directory.path })
    expect(code).toBeGreaterThan(0)
    expect(`${stdout}${stderr}`).toMatch(/no configuration|apistronghold init/i)
    expect(readdirSync(directory.path, { recursive: true })).toEqual(['home'])
  })
})
