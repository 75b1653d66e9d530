/** The official Anthropic SDK: Bearer from the agent, x-api-key to the vendor, streams included. */

import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsAnthropic } from '../support/fake-anthropic.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk-ant-api03-')
const QUESTION = {
  model: 'claude-fake',
  max_tokens: 16,
  messages: [{ role: 'user' as const, content: 'Hi' }],
}

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let anthropic: Anthropic

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsAnthropic(KEY) })
  proxy = await startProxy({ services: [{ id: 'anthropic', secret: KEY, upstream }] })
  token = await proxy.issue('anthropic:inference')
  anthropic = new Anthropic({ apiKey: token, baseURL: `${proxy.url}/anthropic`, maxRetries: 0 })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
})

describe('the Anthropic SDK', () => {
  it('sends a message, and the phantom is nowhere in what arrives', async () => {
    const message = await anthropic.messages.create(QUESTION)
    expect(message.content).toEqual([{ type: 'text', text: 'Hello, agent' }])
    expectSwap(upstream, { key: KEY, token, header: 'x-api-key', value: KEY })
    expect(upstream.requests[0]?.header('authorization')).toBeUndefined()
  })

  it('streams a message', async () => {
    const words: string[] = []
    const stream = anthropic.messages.stream(QUESTION).on('text', (text) => words.push(text))
    expect(await stream.finalText()).toBe('Hello, agent')
    expect(words).toEqual(['Hello', ', ', 'agent'])
    expectSwap(upstream, { key: KEY, token, header: 'x-api-key', value: KEY })
  })

  it('works with a client that puts the key in x-api-key', async () => {
    const answer = await fetch(`${proxy.url}/anthropic/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': token, 'content-type': 'application/json' },
      body: JSON.stringify(QUESTION),
    })
    expect(answer.status).toBe(200)
    expectSwap(upstream, { key: KEY, token, header: 'x-api-key', value: KEY })
  })

  it('is rejected at what its token does not allow, by name of the scope', async () => {
    await expect(anthropic.models.list()).rejects.toThrow(/anthropic:read/)
    expect(upstream.requests).toEqual([])
  })
})
