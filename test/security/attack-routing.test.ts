/** Doors against each other: no spelling of a request gets another service's or host's credential. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

const OTHER_KEY = 'sk-proj-OtherCanary0123456789'

let plane: TestPlane
let both: string
let stripeOnly: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['stripe', 'openai', 'github'],
    listeners: [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0, service: 'stripe' },
    ],
  })
  plane.credentials.set('openai', { secret: OTHER_KEY })
  both = plane.issue({ scope: 'stripe:read,stripe:write,openai:read,github:read' })
  stripeOnly = plane.issue()
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.upstream.forget()
})

const send = (target: string, headers: readonly string[], port = plane.port) =>
  exchangeRaw(port, requestText(`GET ${target}`, headers))

describe('CE-07 another host or service than the rules judged', () => {
  it.each([
    ['a Host of one service, a path of another', '/stripe/v1/charges', 'openai.proxy.example'],
    ['a catalogue host, a path of another', '/stripe/v1/charges', 'api.openai.com'],
    ['a catalogue host and a foreign ~host', '/~api.stripe.com/v1/charges', 'api.openai.com'],
    ['a foreign ~host', '/stripe/~api.openai.com/v1/models', 'x.y'],
    ['two ~hosts', '/stripe/~api.stripe.com/~api.openai.com/v1/models', 'x.y'],
    ['a stranger as ~host', '/stripe/~evil.example/v1/charges', 'x.y'],
    ['a ~host with a final dot', '/stripe/~api.stripe.com./v1/charges', 'x.y'],
    ['a ~host with a port', '/stripe/~api.stripe.com:8443/v1/charges', 'x.y'],
    ['an encoded ~host', '/stripe/~api%2Estripe.com/v1/charges', 'x.y'],
    ['a ~host under a wildcard', '/github/~evil.ghe.com/user', 'x.y'],
    ['the wildcard itself as ~host', '/github/~*.ghe.com/user', 'x.y'],
    ['a ~host that objects inherit', '/stripe/~__proto__.x/v1/charges', 'x.y'],
    ['a service that objects inherit', '/__proto__/v1/charges', 'x.y'],
    ['a Host that objects inherit', '/v1/charges', 'constructor.proxy.example'],
  ])('is refused for %s', async (_case, target, host) => {
    const answer = await send(target, [`Host: ${host}`, `Authorization: Bearer ${both}`])
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(plane.upstream.connections.join('')).toBe('')
  })

  it('is out of reach on a port of its own, whatever the Host says', async () => {
    const [, own] = plane.ports
    const asOther = ['Host: openai.proxy.example', `Authorization: Bearer ${both}`]
    expect(await send('/stripe/v1/charges', asOther, own)).toMatchObject({ status: 403 })
    expect(await send('/openai/v1/models', asOther, own)).toMatchObject({ status: 403 })
    expect(plane.upstream.requests).toEqual([])
    expect(await send('/v1/charges', asOther, own)).toMatchObject({ status: 200 })
    expect(plane.upstream.count(REAL_KEY)).toBe(1)
    expect(plane.upstream.count(OTHER_KEY)).toBe(0)
  })

  it("is not what a token for one service gets with another's prefix", async () => {
    const headers = ['Host: x.y', `Authorization: Bearer ${stripeOnly}`]
    const answer = await send('/openai/v1/models', headers)
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('service_not_granted')
    expect(plane.upstream.requests).toEqual([])
  })
})

describe('HF-09 names in Connection', () => {
  it('take away nothing that the proxy itself writes', async () => {
    const named = 'Connection: Authorization, Host, Content-Length, Accept-Encoding, X-Mine'
    const headers = ['Host: x.y', `Authorization: Bearer ${stripeOnly}`, named, 'X-Mine: 1']
    expect(await send('/stripe/v1/charges', headers)).toMatchObject({ status: 200 })
    const [request] = plane.upstream.requests
    expect(request?.header('authorization')).toBe(`Bearer ${REAL_KEY}`)
    expect(request?.header('host')).toBe(new URL(plane.upstream.origin).host)
    expect(request?.header('accept-encoding')).toBe('identity')
    expect(request?.header('x-mine')).toBeUndefined()
  })
})
