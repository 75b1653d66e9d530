/** The official OpenAI SDK behind a path prefix, streams included. */

import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { createChannel } from '../support/channel.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { completionEvent, respondAsOpenai } from '../support/fake-openai.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk-proj-')
const QUESTION = { model: 'gpt-fake', messages: [{ role: 'user' as const, content: 'Hi' }] }

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let openai: OpenAI

beforeAll(async () => {
  upstream = await startUpstream()
  proxy = await startProxy({ services: [{ id: 'openai', secret: KEY, upstream }] })
  token = await proxy.issue('openai:read,openai:inference')
  openai = new OpenAI({ apiKey: token, baseURL: `${proxy.url}/openai/v1`, maxRetries: 0 })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.respond(respondAsOpenai(KEY))
  upstream.forget()
})

describe('the OpenAI SDK', () => {
  it('completes a chat and lists models', async () => {
    const completion = await openai.chat.completions.create(QUESTION)
    expect(completion.choices[0]?.message.content).toBe('Hello, agent')
    expect((await openai.models.list()).data).toHaveLength(1)
    expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
  })

  it('streams a completion', async () => {
    const stream = await openai.chat.completions.create({ ...QUESTION, stream: true })
    const words: string[] = []
    for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? '')
    expect(words).toEqual(['Hello', ', ', 'agent'])
    expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
  })

  it('gets each event as it comes, while the next is not yet written', async () => {
    const channel = createChannel()
    const headers = { 'content-type': 'text/event-stream' }
    upstream.respond(() => ({ headers, chunks: channel }))
    channel.push(completionEvent('first'))
    const stream = await openai.chat.completions.create({ ...QUESTION, stream: true })
    const events = stream[Symbol.asyncIterator]()
    for (const word of ['first', 'second', 'third']) {
      if (word !== 'first') channel.push(completionEvent(word))
      const { value } = (await events.next()) as { value: OpenAI.ChatCompletionChunk }
      expect(value.choices[0]?.delta.content).toBe(word)
    }
    channel.push('data: [DONE]\n\n')
    channel.end()
    expect((await events.next()).done).toBe(true)
  })

  it('has its stream cut when its token is revoked', async () => {
    const doomed = await proxy.issue('openai:inference')
    const channel = createChannel()
    channel.push(completionEvent('first'))
    const headers = { 'content-type': 'text/event-stream' }
    upstream.respond(() => ({ headers, chunks: channel }))
    const stream = await openai
      .withOptions({ apiKey: doomed })
      .chat.completions.create({ ...QUESTION, stream: true })
    const events = stream[Symbol.asyncIterator]()
    await events.next()
    const next = events.next()
    next.catch(() => undefined)
    const answer = await proxy.commandWell(['token', 'revoke', '-', '--json'], doomed)
    expect(JSON.parse(answer)).toMatchObject({ cut: 1 })
    await expect(next).rejects.toThrow()
    channel.end()
  })

  it('is rejected at what its token does not allow, by name of the scope', async () => {
    await expect(openai.models.delete('ft:gpt-fake')).rejects.toThrow(/openai:delete/)
    expect(upstream.requests).toEqual([])
  })

  it('reads its settings from what token issue prints', async () => {
    const printed = await proxy.issueByCommand('openai:read', '--print-env')
    const lines = printed.split('\n').map((line) => line.replace(/^export /, ''))
    const variable = (name: string) =>
      lines
        .find((line) => line.startsWith(`${name}=`))
        ?.slice(name.length + 1)
        .replace(/^['"]|['"]$/g, '')
    const fromPrinted = new OpenAI({
      apiKey: variable('OPENAI_API_KEY')!,
      baseURL: variable('OPENAI_BASE_URL')!,
      maxRetries: 0,
    })
    expect((await fromPrinted.models.list()).data).toHaveLength(1)
  })
})
