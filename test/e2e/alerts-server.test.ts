/**
 * Alerts of a server as an operator runs it: a finding that waits in the index of the audit is
 * taken at the start, acts by the configuration's policy and reaches the targets that it names.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { KeyedFinding } from '../../src/insight/alert.ts'
import { aFinding } from '../support/alerts.ts'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

let upstream: Upstream
let receiver: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  receiver = await startUpstream({ respond: () => ({ status: 204 }) })
  proxy = await startProxy({
    services: [{ id: 'stripe', secret: KEY, upstream }],
    variables: { HOOK_SECRET },
  })
})

afterAll(async () => {
  await proxy.stop()
  await Promise.all([upstream.close(), receiver.close()])
})

/** The settings of the only environment, with alerts behind them. */
function configureAlerts(): void {
  const path = join(proxy.directory.path, 'apistronghold.yaml')
  const caFile = proxy.directory.write('receiver.pem', receiver.ca)
  const text = readFileSync(path, 'utf8')
  const alerts = `
    env_sources: [HOOK_SECRET]
    alerts:
      actions: {exfiltration: suspend_token}
      targets:
        - {type: stdout}
        - type: webhook
          url: ${receiver.origin}/alerts
          secret: env:HOOK_SECRET
          allow_private_address: true
          ca_file: ${caFile}
`
  writeFileSync(path, `${text.trimEnd()}${alerts}`)
}

/** As the thread of the index leaves it until somebody has taken it. */
function leaveFinding(finding: KeyedFinding): void {
  const index = new DatabaseSync(join(proxy.stateDirectory, 'audit-index.db'))
  index
    .prepare('INSERT INTO finding (key, value) VALUES (?, ?)')
    .run(finding.key, JSON.stringify(finding))
  index.close()
}

async function statusWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(`${proxy.url}/stripe/v1/customers`, { headers })).status
}

it('takes what was found, suspends the token, and tells everybody', async () => {
  const { token, id } = await proxy.client().tokens.issue({ agent: 'leaky', scopes: 'stripe:read' })
  expect(await statusWith(token)).toBe(200)
  await proxy.end('SIGTERM')
  configureAlerts()
  const reason = 'a known real credential in a request body'
  const about = { at: Date.now(), agent: 'leaky', tokenId: id }
  const finding = aFinding({ ...about, key: 'local:7:exfiltration', rule: 'exfiltration', reason })
  leaveFinding(finding)
  await proxy.restart('SIGTERM')

  await vi.waitFor(async () => {
    expect(await statusWith(token)).toBe(401)
  }, 5000)
  await receiver.until(() => receiver.requests.length > 0)
  expect(JSON.parse(String(receiver.requests[0]?.body))).toMatchObject({
    data: {
      environment: 'production',
      alert: { rule: 'exfiltration', agent: 'leaky', tokenId: id, reason },
    },
  })
  const { output } = proxy.serves.at(-1)!
  await vi.waitFor(() => {
    expect(output.stdout).toContain('"type":"alert.raised"')
  }, 5000)
  expect(`${output.stdout}${output.stderr}`).not.toContain(HOOK_SECRET)

  expect(await proxy.commandWell(['alert', 'list'])).toMatch(/exfiltration +leaky .*suspend_token/)
  expect(await proxy.commandWell(['status'])).toContain('1 open: apistronghold alert list')
  await vi.waitFor(async () => {
    const records = JSON.stringify(await proxy.audit())
    expect(records).toContain('"action":"alert.raise"')
    expect(records).toMatch(/"action":"token.suspend".*exfiltration/)
  }, 5000)
})

it('raises nothing twice when it is told again after a restart', async () => {
  await proxy.end('SIGTERM')
  const about = { at: Date.now(), agent: 'leaky' }
  leaveFinding(aFinding({ ...about, key: 'local:7:exfiltration', rule: 'exfiltration' }))
  await proxy.restart('SIGTERM')
  const { items } = await proxy.client().alerts.list()
  expect(items).toMatchObject([{ count: 1, agent: 'leaky' }])
  expect(receiver.requests).toHaveLength(1)
})

it('tries the targets of the file as it is now', async () => {
  const before = receiver.requests.length
  const tested = await proxy.commandWell(['alert', 'test'])
  expect(tested).toBe('stdout: delivered\nwebhook:127.0.0.1: delivered')
  expect(receiver.requests).toHaveLength(before + 1)
})
