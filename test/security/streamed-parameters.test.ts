/**
 * Bodies that no rule has to read, at the running data plane: what the outcome tells of them, and that
 * neither a token nor a credential is ever part of that.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLineFormat } from '../../src/audit/record.ts'
import { Secret } from '../../src/secret/secret.ts'
import { AUDIT_KEY } from '../support/audit.ts'
import { makeKey } from '../support/canary.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'

const SOMEBODYS = makeKey('sk_live_')
const PLAIN = 'our-credential-for-drill'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['stripe', 'openai', 'slack', 'github', 'drill'],
    serviceFiles: { 'drill.yaml': openService('drill') },
  })
  for (const name of ['openai', 'slack', 'github', 'drill'])
    plane.credentials.set(name, { secret: `our-credential-for-${name}` })
  plane.memory.loaded = [new Secret(PLAIN)]
  token = plane.issue({
    scope: 'stripe:write,stripe:read,openai:inference,slack:write,github:write,drill:all',
  })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.upstream.respond(() => ({ body: { ok: true } }))
})

const JSON_TYPE = 'Content-Type: application/json'
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const MULTIPART = 'Content-Type: multipart/form-data; boundary=frontier'

interface Sent {
  readonly line: string
  readonly headers?: readonly string[]
  readonly body: string
}

function textOf({ line, headers = [], body }: Sent): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  const own = ['Host: localhost', `Authorization: Bearer ${token}`, length]
  return requestText(line, [...own, ...headers], Buffer.from(body).toString('latin1'))
}

async function untilOutcome(): Promise<void> {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
}

/** What the two records tell of the request's parameters. */
async function recorded(sent: Sent): Promise<readonly unknown[]> {
  expect((await exchangeRaw(plane.port, textOf(sent))).status).toBe(200)
  await untilOutcome()
  const { intents, outcomes } = plane.audit
  return [intents[0]?.parameters, outcomes[0]?.parameters]
}

const hmac = expect.stringMatching(/^[0-9a-f]{16}$/) as string
const digested = (length: number) => ({ length, hmac })

const CHAT = {
  ...{ model: 'gpt-fake', stream: false, max_completion_tokens: 50 },
  messages: [{ role: 'user', content: 'our secret plan' }],
}

describe('a streamed body is told by the rules of its service:', () => {
  it.each<[string, Sent, object]>([
    [
      "OpenAI's prompts as length and digest",
      {
        ...{ line: 'POST /openai/v1/chat/completions', headers: [JSON_TYPE] },
        body: JSON.stringify(CHAT),
      },
      { json: { ...CHAT, messages: [{ role: 'user', content: digested(15) }] } },
    ],
    [
      'an issue at GitHub',
      {
        ...{ line: 'POST /github/repos/o/r/issues', headers: ['Content-Type: Application/JSON'] },
        body: JSON.stringify({ title: 'It breaks', labels: ['bug'], milestone: 3 }),
      },
      { json: { title: digested(9), labels: ['bug'], milestone: 3 } },
    ],
  ])('%s', async (_what, sent, parameters) => {
    expect(await recorded(sent)).toEqual([{}, parameters])
  })

  it.each<[string, Sent]>([
    ['in parts', { line: 'POST /drill/x', headers: [MULTIPART], body: '--frontier\r\n\r\nx' }],
    [
      'compressed',
      { line: 'POST /drill/x', headers: [JSON_TYPE, 'Content-Encoding: gzip'], body: '{"a":1}' },
    ],
    ['that is no JSON', { line: 'POST /drill/x', headers: [JSON_TYPE], body: '{"a":1' }],
    ['of no type', { line: 'POST /drill/x', body: '{"a":1}' }],
  ])('one %s by size and digest', async (_what, sent) => {
    expect(await recorded(sent)).toEqual([{}, { body: digested(sent.body.length) }])
  })

  it('one that is longer than is kept by its size and the digest of its beginning', async () => {
    const body = (last: string) =>
      JSON.stringify({ model: 'gpt-fake', input: 'x'.repeat(70_000), last })
    const sent = (last: string) => ({
      line: 'POST /drill/x',
      headers: [JSON_TYPE],
      body: body(last),
    })
    const first = await recorded(sent('a'))
    expect(first[1]).toEqual({ body: { ...digested(body('a').length), partial: true } })
    plane.forget()
    expect(await recorded(sent('b'))).toEqual(first)
  })

  it('one of which the rest never came by what came', async () => {
    const sent = { line: 'PUT /drill/x', headers: [JSON_TYPE], body: '{"amount":1999}' }
    const connection = openRaw(plane.port, textOf(sent).slice(0, -3))
    await plane.upstream.until(() => plane.upstream.count('{"amount":19') > 0)
    connection.socket.destroy()
    await untilOutcome()
    expect(plane.audit.outcomes).toMatchObject([
      { result: 'abandoned', parameters: { body: { length: 12, hmac, partial: true } } },
    ])
  })

  it('and none by nothing, also where the intent knows the query', async () => {
    expect(await recorded({ line: 'POST /drill/x?limit=3', body: '' })).toEqual([
      { query: { limit: '3' } },
      undefined,
    ])
  })
})

describe('a body that a rule has to read is told in the intent:', () => {
  it.each<[string, Sent, object]>([
    [
      "Slack's messages",
      {
        ...{ line: 'POST /slack/api/chat.postMessage', headers: [JSON_TYPE] },
        body: JSON.stringify({ channel: 'C012AB3CD', text: 'see you at ten' }),
      },
      { json: { channel: 'C012AB3CD', text: digested(14) } },
    ],
    [
      'a form at Stripe',
      { line: 'POST /stripe/v1/customers', headers: [FORM], body: 'phone=1&source=tok_visa' },
      { form: { phone: digested(1), source: 'tok_visa' } },
    ],
  ])('%s', async (_what, sent, parameters) => {
    expect(await recorded(sent)).toEqual([parameters, undefined])
  })
})

it('does not read the body of a request that may not be, and tells only of its query', async () => {
  const sent = { line: 'POST /stripe/v1/refunds?limit=3', headers: [FORM], body: 'charge=ch_1' }
  expect((await exchangeRaw(plane.port, textOf(sent))).status).toBe(403)
  expect(plane.audit.refusals).toMatchObject([{ parameters: { query: { limit: '3' } } }])
  expect(Object.keys(plane.audit.refusals[0]?.parameters ?? {})).toEqual(['query'])
})

describe('AU-05 in a streamed body', () => {
  const format = createLineFormat({
    ...{ writer: 'local', environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
  })

  it.each<[string, () => string]>([
    ['a token of ours', () => token],
    ["somebody's key", () => SOMEBODYS],
    ['a credential that has the look of plain words', () => PLAIN],
  ])('%s is in no record, as a value or as a name', async (_what, canary) => {
    const secret = canary()
    const body = JSON.stringify({ limit: secret, [secret]: 1, deep: [{ note: `is ${secret}` }] })
    await recorded({ line: 'POST /drill/x', headers: [JSON_TYPE], body })
    const line = plane.audit.outcomes.map((event) => format.outcome(event, Date.now())).join()
    expect(line).toContain('"json":{')
    expect(line).not.toContain(secret)
    expect(line).not.toContain(secret.slice(8))
  })

  it('AU-04 control characters stay escaped', async () => {
    const body = JSON.stringify({ state: 'a\u001b[31m\n\u202eb', 'x\u2028\u0007': 'c' })
    await recorded({ line: 'POST /drill/x', headers: [JSON_TYPE], body })
    const line = plane.audit.outcomes.map((event) => format.outcome(event, Date.now())).join()
    expect(line).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u)
  })
})
