/** curl: every place for the token, every way to name the service, every malformed variant. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mintToken } from '../../src/token/token.ts'
import { makeKey } from '../support/canary.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { skipWithout } from '../support/skip.ts'
import { startUpstream, type Answer, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')

let upstream: Upstream
let proxy: ProxyProcess
let token: string
/** Names two services, so a path needs its prefix. */
let wide: string

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({
    services: [
      { id: 'stripe', secret: KEY, upstream },
      { id: 'openai', secret: makeKey('sk-'), upstream },
    ],
  })
  wide = await proxy.issue('stripe:read,openai:read')
  token = await proxy.issue('stripe:read,stripe:write')
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
})

interface CurlAnswer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const child = spawn('curl', [
    '--silent',
    '--include',
    '--path-as-is',
    '--max-time',
    '10',
    ...args,
  ])
  const [output] = await Promise.all([
    text(child.stdout),
    new Promise((resolve) => child.once('close', resolve)),
  ])
  const end = output.indexOf('\r\n\r\n')
  return {
    status: Number(output.split(' ')[1]),
    headers: output.slice(0, end).toLowerCase(),
    body: output.slice(end + 4),
  }
}

const bearer = (value: string) => ['-H', `Authorization: Bearer ${value}`]

describe.skipIf(skipWithout('curl'))('curl', () => {
  it.each<[string, () => string[]]>([
    ['Bearer', () => [...bearer(token), `${proxy.url}/stripe/v1/customers`]],
    ['Basic user name', () => ['-u', `${token}:`, `${proxy.url}/stripe/v1/customers`]],
    [
      'X-Phantom-Token beside a dummy key',
      () => [
        ...['-H', `X-Phantom-Token: ${token}`, ...bearer('dummy')],
        `${proxy.url}/stripe/v1/customers`,
      ],
    ],
    [
      'a Host of the service',
      () => [...bearer(token), '-H', 'Host: stripe.proxy.example', `${proxy.url}/v1/customers`],
    ],
    ['no name at all', () => [...bearer(token), `${proxy.url}/v1/customers`]],
    ['a named host', () => [...bearer(token), `${proxy.url}/stripe/~api.stripe.com/v1/customers`]],
  ])('gets through with %s', async (_case, args) => {
    expect(await curl(...args())).toMatchObject({ status: 200 })
    expect(upstream.requests.map(({ target }) => target)).toEqual(['/v1/customers'])
    expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
  })

  it('gets a HEAD answered without a body', async () => {
    const answer = await curl(...bearer(token), '--head', `${proxy.url}/stripe/v1/customers`)
    expect(answer).toMatchObject({ status: 200, body: '' })
    expect(upstream.requests[0]?.method).toBe('HEAD')
  })

  it('sends a chunked body through', async () => {
    const form = ['-H', 'Transfer-Encoding: chunked', '-d', 'email=a@b.example']
    const answer = await curl(...bearer(token), ...form, `${proxy.url}/stripe/v1/customers`)
    expect(JSON.parse(answer.body)).toMatchObject({ email: 'a@b.example' })
  })

  it.each<[string, string, () => string[]]>([
    ['no token', '401 invalid_token', () => [`${proxy.url}/stripe/v1/customers`]],
    [
      'TK-08 two different tokens',
      '400 ambiguous_request',
      () => [
        ...bearer(token),
        ...['-H', `X-Phantom-Token: ${mintToken('pt', 'live')}`],
        `${proxy.url}/stripe/v1/customers`,
      ],
    ],
    [
      'TK-10 a token in the URL',
      '400 ambiguous_request',
      () => [`${proxy.url}/stripe/v1/customers?access_token=${token}`],
    ],
    [
      'TK-02 a truncated token',
      '401 invalid_token',
      () => [...bearer(token.slice(0, -1)), `${proxy.url}/stripe/v1/customers`],
    ],
    [
      'an unknown service',
      '404 unknown_service',
      () => [...bearer(wide), `${proxy.url}/nowhere/x`],
    ],
    [
      'SC-01 a path with dot segments',
      '400 ambiguous_request',
      () => [...bearer(token), `${proxy.url}/stripe/v1/charges/../refunds`],
    ],
    [
      'a path that no rule maps',
      '403 operation_unknown',
      () => [...bearer(token), '-X', 'POST', `${proxy.url}/stripe/v1/unheard_of`],
    ],
    [
      'CE-15 a real key',
      '403 real_credential_presented',
      () => [
        ...['-H', `X-Phantom-Token: ${token}`, ...bearer(makeKey('sk_live_'))],
        `${proxy.url}/stripe/v1/customers`,
      ],
    ],
  ])('is refused with %s', async (_case, expected, args) => {
    const answer = await curl(...args())
    const [status, code] = expected.split(' ')
    expect(answer.status).toBe(Number(status))
    expect(JSON.parse(answer.body)).toMatchObject({ status: answer.status, error: { code } })
    expect(answer.headers).toContain('proxy-status: apistronghold; error=')
    expect(answer.headers).toContain('apistronghold-request-id: req_')
    expect(upstream.requests).toEqual([])
  })

  it.each<[string, Answer]>([
    ['resets', 'reset'],
    ['answers garbage', { raw: 'SSH-2.0-OpenSSH\r\n\r\n' }],
  ])('gets a clear answer when the upstream %s', async (_case, answer) => {
    upstream.respond(() => answer)
    try {
      const got = await curl(...bearer(token), `${proxy.url}/stripe/v1/customers`)
      expect(got.status).toBe(502)
      expect(got.body).toContain('upstream')
    } finally {
      upstream.respond(respondAsStripe(KEY))
    }
  })

  it('passes an upstream error through as it is', async () => {
    const answer = await curl(...bearer(token), `${proxy.url}/stripe/v1/nothing/here`)
    expect(answer.status).toBe(404)
    expect(answer.body).toContain('Unrecognized request URL')
    expect(answer.headers).not.toContain('proxy-status')
  })
})
