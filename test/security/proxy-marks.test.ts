/**
 * Tokens and keys where none belongs, at the running data plane: what the record points at. The keys
 * are made up here, and the stored one has the look of no vendor's.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret/secret.ts'
import { makeKey } from '../support/canary.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

const SOMEBODYS = makeKey('sk_live_')
const STORED = 'our-very-own-credential-0123456789'
/** Of a service that is not asked for, and with signs that URLs and forms write in their own way. */
const ANOTHERS = 'the/credential+of=another~service'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['stripe', 'drill'],
    serviceFiles: { 'drill.yaml': openService('drill') },
  })
  plane.credentials.set('drill', { secret: STORED })
  plane.memory.loaded = [new Secret(ANOTHERS)]
  token = plane.issue({ scope: 'stripe:read,stripe:write,drill:all' })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
})

interface Sent {
  readonly line: string
  readonly headers?: readonly string[]
  readonly body?: string
}

async function send({ line, headers = [], body = '' }: Sent): Promise<number> {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const own = ['Host: localhost', `Authorization: Bearer ${token}`, ...length]
  const { status } = await exchangeRaw(plane.port, requestText(line, [...own, ...headers], body))
  return status
}

const untilOutcome = async () => {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
}

const FORM = 'Content-Type: application/x-www-form-urlencoded'
const JSON_TYPE = 'Content-Type: application/json'
const HELD = 'POST /stripe/v1/customers'
const STREAMED = 'POST /drill/v1/notes'

describe('the intent points at', () => {
  it.each<[string, () => Sent, string]>([
    [
      'a token in a header',
      () => ({ line: 'GET /drill/x', headers: [`X-Note: ${token}`] }),
      'phantom_in_header',
    ],
    [
      "somebody's key in the URL",
      () => ({ line: `GET /drill/x?note=${SOMEBODYS}` }),
      'credential_in_url',
    ],
    [
      "somebody's key in a header",
      () => ({ line: 'GET /drill/x', headers: [`X-Note: ${SOMEBODYS}`] }),
      'credential_in_header',
    ],
    [
      'a token in a form that a rule reads',
      () => ({ line: HELD, headers: [FORM], body: `description=${token}` }),
      'phantom_in_body',
    ],
    [
      "somebody's key in a form that a rule reads",
      () => ({ line: HELD, headers: [FORM], body: `description=${SOMEBODYS}` }),
      'credential_in_body',
    ],
    [
      'the key that it would be given, in a form',
      () => ({ line: HELD, headers: [FORM], body: `description=${REAL_KEY}` }),
      'credential_in_body',
    ],
    [
      'the credential that it would be given, in the URL',
      () => ({ line: `GET /drill/x?note=${STORED.replace('own', '%6fwn')}` }),
      'credential_in_url',
    ],
    [
      'the credential that it would be given, in a header',
      () => ({ line: 'GET /drill/x', headers: [`X-Note: it is ${STORED}!`] }),
      'credential_in_header',
    ],
    [
      "another service's credential in a charge",
      () => ({
        ...{ line: 'POST /stripe/v1/charges', headers: [FORM] },
        body: new URLSearchParams({ amount: '5', source: ANOTHERS }).toString(),
      }),
      'credential_in_body',
    ],
    [
      "another service's credential at the end of a long form",
      () => ({
        ...{ line: HELD, headers: [FORM] },
        body: `description=${'x+'.repeat(300_000)}&name=${encodeURIComponent(ANOTHERS)}`,
      }),
      'credential_in_body',
    ],
    [
      "somebody's key at the end of a long form",
      () => ({
        ...{ line: HELD, headers: [FORM] },
        body: `description=${'x+'.repeat(300_000)}&name=${SOMEBODYS}`,
      }),
      'credential_in_body',
    ],
    [
      "another service's credential in the URL",
      () => ({ line: `GET /drill/x?note=${encodeURIComponent(ANOTHERS)}` }),
      'credential_in_url',
    ],
    [
      "another service's credential in a header",
      () => ({ line: 'GET /drill/x', headers: [`X-Note: ${ANOTHERS}`] }),
      'credential_in_header',
    ],
  ])('%s', async (_what, sent, mark) => {
    expect(await send(sent())).toBe(200)
    expect(plane.audit.intents.map(({ marks }) => marks)).toEqual([[mark]])
  })
})

describe('the outcome points at what streamed past:', () => {
  it.each<[string, () => string, string]>([
    ['a token', () => JSON.stringify({ note: { deep: token } }), 'phantom_in_body'],
    ["somebody's key", () => JSON.stringify({ note: SOMEBODYS }), 'credential_in_body'],
    ['the credential that it was given', () => `{"note":"${STORED}"}`, 'credential_in_body'],
    [
      'one behind much else',
      () => `{"pad":"${'x '.repeat(20_000)}","note":"${STORED}"}`,
      'credential_in_body',
    ],
    ["another service's credential", () => JSON.stringify([ANOTHERS]), 'credential_in_body'],
    ...[
      ['a token', () => token, 'phantom_in_body'] as const,
      ["somebody's key", () => SOMEBODYS, 'credential_in_body'] as const,
      ['the credential that it was given', () => STORED, 'credential_in_body'] as const,
      ["another service's credential", () => ANOTHERS, 'credential_in_body'] as const,
    ].map(([what, secret, mark]): [string, () => string, string] => [
      `${what} at byte 70,000`,
      () => `{"pad":"${'x '.repeat(35_000)}","note":"${secret()}"}`,
      mark,
    ]),
  ])('%s', async (_what, body, mark) => {
    expect(await send({ line: STREAMED, headers: [JSON_TYPE], body: body() })).toBe(200)
    await untilOutcome()
    expect(plane.audit.intents.map(({ marks }) => marks)).toEqual([[]])
    expect(plane.audit.outcomes.map(({ marks }) => marks)).toEqual([[mark]])
  })
})

describe('a refusal points at', () => {
  it.each<[string, () => Sent, string]>([
    ['a token in the URL', () => ({ line: `GET /drill/x?t=${token}` }), 'phantom_in_url'],
    [
      "somebody's key in the URL of what may not be",
      () => ({ line: `POST /stripe/v1/refunds?note=${SOMEBODYS}` }),
      'credential_in_url',
    ],
    [
      "somebody's key where a token belongs",
      () => ({
        line: 'GET /drill/x',
        headers: [`X-Phantom-Token: ${token}`, `X-Api-Key: ${SOMEBODYS}`],
      }),
      'real_credential',
    ],
    [
      "another service's credential in the URL of what may not be",
      () => ({ line: `POST /stripe/v1/refunds?note=${encodeURIComponent(ANOTHERS)}` }),
      'credential_in_url',
    ],
  ])('%s', async (_what, sent, mark) => {
    expect(await send(sent())).toBeGreaterThanOrEqual(400)
    expect(plane.audit.refusals[0]?.marks).toContain(mark)
    expect(plane.upstream.requests).toEqual([])
  })
})

describe('nothing is pointed at', () => {
  it('in the body of a request that may not be, which nobody reads', async () => {
    const body = `description=${SOMEBODYS}`
    expect(await send({ line: 'POST /stripe/v1/refunds', headers: [FORM], body })).toBe(403)
    expect(plane.audit.refusals.map(({ marks, parameters }) => [marks, parameters])).toEqual([
      [[], {}],
    ])
  })

  it.each<[string, Sent]>([
    ['in an ordinary request', { line: HELD, headers: [FORM], body: 'description=a+sofa' }],
    ['where only the beginning is the same', { line: `GET /drill/x?n=${STORED.slice(0, -1)}` }],
    ['in an empty one', { line: 'GET /drill/x' }],
  ])('%s', async (_what, sent) => {
    expect(await send(sent)).toBe(200)
    await untilOutcome()
    expect(plane.audit.intents.map(({ marks }) => marks)).toEqual([[]])
    expect(plane.audit.outcomes.flatMap(({ marks = [] }) => marks)).toEqual([])
  })
})

it('shows neither token nor key in what it points with', async () => {
  await send({ line: HELD, headers: [FORM, `X-Note: ${STORED}`], body: `description=${REAL_KEY}` })
  await send({ line: STREAMED, headers: [JSON_TYPE], body: `{"note":"${STORED} ${token}"}` })
  await send({
    line: STREAMED,
    headers: [JSON_TYPE],
    body: JSON.stringify({ [ANOTHERS]: ANOTHERS }),
  })
  const { intents, outcomes, refusals } = plane.audit
  const written = JSON.stringify([intents, outcomes, refusals, plane.log])
  for (const secret of [STORED, ANOTHERS, REAL_KEY, token]) expect(written).not.toContain(secret)
})
