/** What stands in the records of a running proxy, after agents wrote all they could into their requests. */

import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../sdk/src/client.ts'
import { findInDirectory, findSecret, makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Answer, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
/** Each goes into one place, and none of them may be read anywhere afterwards. */
const CANARIES = {
  password: `hunter2-${makeKey('')}`,
  card: '4242424242424242',
  mail: `carla.${makeKey('').toLowerCase()}@example.com`,
  note: `please wire it to ${makeKey('')}`,
  json: `inner-${makeKey('')}`,
  path: `cus_${makeKey('')}.${makeKey('')}`,
  header: makeKey('secret-header-'),
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  '/v1/chat/completions': {
    body: { model: 'gpt-fake', usage: { prompt_tokens: 11, completion_tokens: 7 }, choices: [] },
  },
  '/v1/charges': { body: { id: 'ch_1', amount: 1999, amount_captured: 1999, currency: 'eur' } },
}

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let records: readonly AuditRecord[]

beforeAll(async () => {
  upstream = await startUpstream({
    respond: (asked) => ANSWERS[asked.target] ?? respondAsStripe(KEY)(asked),
  })
  proxy = await startProxy({
    services: [
      { id: 'stripe', secret: KEY, upstream },
      { id: 'openai', secret: makeKey('sk-proj-'), upstream },
    ],
    serveArguments: ['--verbose'],
  })
  token = await proxy.issue('stripe:read,stripe:write,openai:inference')
  await write()
  records = await proxy.audit({ agent: 'order-agent', limit: 500 })
}, 60_000)

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

async function send(line: string, headers: Record<string, string>, body?: string): Promise<void> {
  const [method = 'GET', path = ''] = line.split(' ')
  const all = { authorization: `Bearer ${token}`, ...headers }
  await new Promise((resolve, reject) => {
    const call = request(
      `${proxy.url}${path}`,
      { method, headers: all, agent: false },
      (answer) => {
        answer.resume().once('close', resolve)
      },
    )
    call.once('error', reject).end(body)
  })
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_BODY = { 'content-type': 'application/json' }

async function write(): Promise<void> {
  const form = new URLSearchParams({
    ...{
      email: CANARIES.mail,
      description: CANARIES.note,
      'metadata[password]': CANARIES.password,
    },
    ...{ 'card[number]': CANARIES.card, limit: '3' },
  })
  await send('POST /stripe/v1/customers', FORM, form.toString())
  await send(`GET /stripe/v1/customers?email=${encodeURIComponent(CANARIES.mail)}&limit=3`, {})
  await send(`GET /stripe/v1/customers/${CANARIES.path}`, { 'x-custom': CANARIES.header })
  const message = { role: 'user', content: CANARIES.json }
  const chat = { model: 'gpt-fake', messages: [message], api_key: CANARIES.password }
  await send('POST /openai/v1/chat/completions', JSON_BODY, JSON.stringify(chat))
  await send('POST /stripe/v1/charges', FORM, 'amount=1999&currency=eur&source=tok_visa')
  await send('GET /stripe/v1/customers', {
    'user-agent': 'bot\u00a0\u00e9 {"seq":1,"forged":true} =cmd()',
  })
  await send('GET /stripe/v1/customers', {
    ...{ 'x-agent': 'impostor', 'x-forwarded-for': '203.0.113.99', 'x-real-ip': '203.0.113.98' },
    ...{ forwarded: 'for=203.0.113.97', user: 'admin', 'x-apistronghold-agent': 'impostor' },
  })
  await send(`GET /stripe/v1/customers/%1b%5B2J%0d%0a%7B%22seq%22:9%7D`, {})
  await send(`GET /stripe/v1/customers?a=${'x'.repeat(9000)}`, {})
  await raw(`GET /stripe/v1/customers HTTP/1.1\r\nhost: x\r\nuser-agent: a\u001b[31mb\r\n\r\n`)
}

/** Bytes that no client library would send; what comes back does not matter. */
async function raw(text: string): Promise<void> {
  const socket = connect(proxy.port, '127.0.0.1')
  await new Promise((resolve) => {
    socket
      .once('close', resolve)
      .on('error', () => undefined)
      .resume()
    socket.end(Buffer.from(text, 'latin1'))
  })
}

const intents = () => records.filter(({ kind }) => kind === 'intent' || kind === 'refusal')

describe('what agents write into requests', () => {
  it.each(Object.entries(CANARIES))(
    'AU-05 is in no file of the system: the %s',
    (_place, canary) => {
      expect(findInDirectory(proxy.stateDirectory, canary)).toEqual([])
    },
  )

  it.each(['table', 'json', 'jsonl', 'csv', 'ocsf'])(
    'AU-05 is in no reading as %s',
    async (format) => {
      const text = await proxy.commandWell(['audit', 'query', '--format', format])
      expect(text.length).toBeGreaterThan(500)
      for (const canary of [...Object.values(CANARIES), token, KEY])
        expect(findSecret(text, canary)).toEqual([])
    },
  )

  it('AU-05 is told by its length and a digest that is the same for the same value', () => {
    const [post, get] = intents().filter(({ path }) => path === '/v1/customers')
    const form = (post?.['parameters'] as { form: Record<string, unknown> }).form
    const query = (get?.['parameters'] as { query: Record<string, unknown> }).query
    expect(form['email']).toEqual({
      length: CANARIES.mail.length,
      hmac: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    })
    expect(query['email']).toEqual(form['email'])
    expect([form['limit'], query['limit']]).toEqual(['3', '3'])
  })

  it('AU-05 tells of a prompt by length and digest, and of what stands beside it', () => {
    const chat = records.find(({ path }) => path === '/v1/chat/completions')
    const { parameters } = chat?.['outcome'] as { parameters: Record<string, unknown> }
    const digest = (text: string) => ({
      length: text.length,
      hmac: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    })
    expect(parameters).toEqual({
      json: {
        model: 'gpt-fake',
        messages: [{ role: 'user', content: digest(CANARIES.json) }],
        api_key: digest(CANARIES.password),
      },
    })
  })

  it('has its operation by the template, and its path without what should not be read', () => {
    const one = intents().find(({ path }) => String(path).startsWith('/v1/customers/['))
    expect(one).toMatchObject({
      rule: 'GET /v1/**',
      path: expect.stringMatching(/^\/v1\/customers\/\[redacted:\d+:[0-9a-f]{16}\]$/) as string,
    })
  })

  it.each(['table', 'json', 'jsonl', 'csv', 'ocsf'])(
    'AU-04 neither steers a terminal nor makes lines of its own as %s',
    async (format) => {
      const text = await proxy.commandWell(['audit', 'query', '--format', format])
      expect(text).not.toMatch(
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
      )
      expect(text).not.toMatch(/^[=+@]/m)
      expect(text).not.toMatch(/^\{"seq":(?:1,"forged"|9\})/m)
    },
  )

  it('AU-04 leaves one line of JSON for each record, of bounded length', async () => {
    const lines = (await proxy.commandWell(['audit', 'query', '--format', 'jsonl'])).split('\n')
    for (const line of lines.filter((each) => each !== '')) {
      expect(() => JSON.parse(line) as unknown).not.toThrow()
      expect(line.length).toBeLessThan(20_000)
    }
  })

  it('AU-06 names the agent, the token and the connection, and nobody that a header claims to be', () => {
    for (const record of intents()) {
      expect(record).toMatchObject({
        agent: 'order-agent',
        source: '127.0.0.1',
        chain: [],
        issuedBy: expect.any(String) as string,
      })
      expect(record['tokenId']).toMatch(/^tok_/)
    }
    expect(JSON.stringify(records)).not.toMatch(/203\.0\.113\.|impostor/)
  })
})

describe('what requests cost', () => {
  it('is on the record as far as the service tells it, and summed by agent and service', async () => {
    const usages = records.flatMap(
      ({ outcome }) => (outcome as { usage?: object } | undefined)?.usage ?? [],
    )
    expect(usages).toContainEqual({ model: 'gpt-fake', inputTokens: 11, outputTokens: 7 })
    expect(usages).toContainEqual({ amount: 1999, currency: 'eur' })
    const report = await proxy.commandWell(['report', 'usage', '--format', 'json'])
    expect(JSON.parse(report)).toMatchObject({
      rows: {
        items: [
          { keys: ['order-agent', 'stripe'], amounts: { eur: 1999 } },
          { keys: ['order-agent', 'openai'], inputTokens: 11, outputTokens: 7 },
        ],
      },
    })
  })
})
