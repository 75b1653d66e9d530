/**
 * Stripe. The SDK takes a host and a port and no path, so the token must name stripe only, or the
 * service needs a port of its own (`init --service-listen stripe=127.0.0.1:8910`).
 * Scope: stripe:write
 */

import Stripe from 'stripe'

const proxy = new URL(process.env['PROXY_URL'] ?? 'http://localhost:8900')
const stripe = new Stripe(process.env['PHANTOM_TOKEN'] ?? '', {
  host: proxy.hostname,
  port: proxy.port,
  protocol: 'http',
})

const customer = await stripe.customers.create({ email: 'a@b.example' })
console.log(customer.id)
