/**
 * An agent as a stranger would write it: the official Stripe SDK, an address and a token from its
 * environment. It makes a charge, says so, and stays until its standard input ends.
 */

import Stripe from 'stripe'

const url = new URL(process.env['PROXY_URL'] ?? '')
const stripe = new Stripe(process.env['PHANTOM_TOKEN'] ?? '', {
  host: url.hostname,
  port: url.port,
  protocol: 'http',
})
const charge = await stripe.charges.create({ amount: 1999, currency: 'eur', source: 'tok_visa' })
process.stdout.write(`${charge.id}\n`)
process.stdin.resume()
