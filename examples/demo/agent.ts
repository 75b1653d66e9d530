/**
 * The agent of the demo: the official Stripe SDK, an address and a phantom token, and nothing
 * else. It does what it is told, one word per line, and answers one line each.
 */

import { createInterface } from 'node:readline'
import Stripe from 'stripe'

const url = new URL(process.env['PROXY_URL'] ?? 'http://localhost:8900')
const stripe = new Stripe(process.env['PHANTOM_TOKEN'] ?? '', {
  host: url.hostname,
  port: url.port,
  protocol: 'http',
})

async function obey(order: string): Promise<string> {
  if (order === 'refund') {
    const refund = await stripe.refunds.create({ charge: 'ch_fake1' })
    return `refund ${refund.id} is ${refund.status ?? 'unknown'}`
  }
  const charge = await stripe.charges.create({ amount: 1999, currency: 'eur', source: 'tok_visa' })
  return `charge ${charge.id} over ${charge.amount / 100} ${charge.currency} ${charge.status}`
}

for await (const order of createInterface({ input: process.stdin })) {
  const answer = await obey(order).catch((error: unknown) =>
    error instanceof Stripe.errors.StripeError ? `${error.type}: ${error.message}` : 'broken',
  )
  console.log(answer)
}
