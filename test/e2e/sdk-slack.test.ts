/** The official Slack SDK, which retries whatever does not look like Slack's own no. */

import { WebClient } from '@slack/web-api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsSlack } from '../support/fake-slack.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('xoxb-')

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let slack: WebClient

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsSlack(KEY) })
  proxy = await startProxy({ services: [{ id: 'slack', secret: KEY, upstream }] })
  token = await proxy.issue('slack:read,slack:write', { agent: 'slack-agent' })
  slack = new WebClient(token, { slackApiUrl: `${proxy.url}/slack/api/`, allowAbsoluteUrls: false })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
})

describe('the Slack SDK', () => {
  it('tests its token and posts a message', async () => {
    expect(await slack.auth.test()).toMatchObject({ ok: true, team: 'Acme' })
    const posted = await slack.chat.postMessage({ channel: 'C1', text: 'shipped' })
    expect(posted).toMatchObject({ ok: true, channel: 'C1' })
    expect(upstream.requests[1]?.body.toString()).toContain('text=shipped')
    expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
  })

  it('gives up within a second at a refusal, and one record is kept', async () => {
    const startedAt = Date.now()
    await expect(slack.chat.delete({ channel: 'C1', ts: '1.1' })).rejects.toMatchObject({
      code: 'slack_webapi_platform_error',
      data: { ok: false, error: 'insufficient_scope' },
    })
    expect(Date.now() - startedAt).toBeLessThan(1000)
    expect(upstream.requests).toEqual([])
    expect(await proxy.audit({ agent: 'slack-agent', decision: 'deny' })).toHaveLength(1)
  })
})
