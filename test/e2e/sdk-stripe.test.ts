/** The official Stripe SDK, which takes a host and a port and no path. */

import Stripe from 'stripe'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const OTHER_KEY = makeKey('sk-')

let upstream: Upstream
let proxy: ProxyProcess
let token: string

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({
    services: [
      { id: 'stripe', secret: KEY, upstream },
      { id: 'openai', secret: OTHER_KEY, upstream },
    ],
    ownPorts: ['stripe'],
  })
  token = await proxy.issue('stripe:read,stripe:write')
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
})

function stripeAt(port: number, phantom: string): Stripe {
  return new Stripe(phantom, { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0 })
}

const swapped = (phantom: string) => ({
  key: KEY,
  token: phantom,
  header: 'authorization',
  value: `Bearer ${KEY}`,
})

describe('the Stripe SDK', () => {
  it('creates and lists over a port of its own', async () => {
    const stripe = stripeAt(proxy.ownPort('stripe'), token)
    const customer = await stripe.customers.create({ email: 'a@b.example' })
    expect(customer).toMatchObject({ id: 'cus_fake1', email: 'a@b.example' })
    expect((await stripe.customers.list({ limit: 3 })).data).toEqual([])
    expect(upstream.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'POST /v1/customers',
      'GET /v1/customers?limit=3',
    ])
    expectSwap(upstream, swapped(token))
  })

  it('needs no prefix on the common port when the token names one service', async () => {
    const charge = await stripeAt(proxy.port, token).charges.create({
      amount: 1999,
      currency: 'eur',
      source: 'tok_visa',
    })
    expect(charge).toMatchObject({ id: 'ch_fake1', amount: 1999, status: 'succeeded' })
    expectSwap(upstream, swapped(token))
  })

  it('works over its own port with a token of several services', async () => {
    const wide = await proxy.issue('stripe:read,openai:read')
    await stripeAt(proxy.ownPort('stripe'), wide).customers.list()
    expectSwap(upstream, swapped(wide))
  })

  it('is told the vendor request id, not a replacement', async () => {
    const customer = await stripeAt(proxy.port, token).customers.create({ email: 'a@b.example' })
    expect(customer.lastResponse.requestId).toBe('req_fromstripe')
  })

  it('accepts a token in the shape of a Stripe key', async () => {
    const shaped = await proxy.issueByCommand('stripe:read', '--shape', 'stripe')
    expect(shaped).toMatch(/^sk_live_pt_live_/)
    await stripeAt(proxy.port, shaped).customers.list()
    expectSwap(upstream, swapped(shaped))
  })

  it('works with a signed token', async () => {
    const signed = await proxy.issueByCommand('stripe:read', '--format', 'jwt')
    await stripeAt(proxy.port, signed).customers.list()
    expectSwap(upstream, swapped(signed))
  })

  it('is rejected at a refund, by name of the scope', async () => {
    const refund = stripeAt(proxy.port, token).refunds.create({ charge: 'ch_fake1' })
    await expect(refund).rejects.toThrow(/stripe:refund/)
    expect(upstream.requests).toEqual([])
  })

  it.each([
    ['a customer balance', (stripe: Stripe) => stripe.customers.create({ balance: -5000 })],
    [
      'a negative invoice item',
      (stripe: Stripe) => stripe.invoiceItems.create({ customer: 'cus_1', amount: -5000 }),
    ],
  ])('is rejected at %s, which gives money back by another name', async (_case, call) => {
    await expect(call(stripeAt(proxy.port, token))).rejects.toThrow(/stripe:refund/)
    expect(upstream.requests).toEqual([])
  })

  it('is rejected when it acts as another account', async () => {
    const call = stripeAt(proxy.port, token).customers.list({}, { stripeAccount: 'acct_1' })
    await expect(call).rejects.toThrow(/stripe-account/i)
    expect(upstream.requests).toEqual([])
  })

  it('is rejected with a real key, which is not forwarded and marked in the audit', async () => {
    const realKey = makeKey('sk_live_')
    await expect(stripeAt(proxy.port, realKey).customers.list()).rejects.toThrow()
    expect(upstream.requests).toEqual([])
  })

  it('stops working the moment its token is revoked', async () => {
    const doomed = await proxy.issue('stripe:read')
    const stripe = stripeAt(proxy.port, doomed)
    await stripe.customers.list()
    await proxy.commandWell(['token', 'revoke', '-'], doomed)
    upstream.forget()
    await expect(stripe.customers.list()).rejects.toMatchObject({ statusCode: 401 })
    expect(upstream.requests).toEqual([])
  })
})
