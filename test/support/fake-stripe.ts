/** As much of Stripe's API as the tests and the demo need. It knows one real key and no other. */

import type { Answer, RecordedRequest, Respond } from './upstream.ts'

export function respondAsStripe(key: string): Respond {
  return (request) => {
    if (request.header('authorization') !== `Bearer ${key}`) return wrongKey
    const path = request.target.split('?')[0] ?? ''
    const method = request.method === 'HEAD' ? 'GET' : request.method
    return answerTo(`${method} ${path}`, request)
  }
}

const wrongKey: Answer = stripeError(401, 'Invalid API Key provided')

function answerTo(operation: string, request: RecordedRequest): Answer {
  const form = new URLSearchParams(request.body.toString())
  switch (operation) {
    case 'POST /v1/customers':
      return found({ id: 'cus_fake1', object: 'customer', email: form.get('email') })
    case 'GET /v1/customers':
      return found({ object: 'list', url: '/v1/customers', has_more: false, data: [] })
    case 'POST /v1/charges':
      return found({
        id: 'ch_fake1',
        object: 'charge',
        amount: Number(form.get('amount')),
        currency: form.get('currency'),
        paid: true,
        status: 'succeeded',
      })
    case 'GET /v1/charges/ch_fake1':
      return found({ id: 'ch_fake1', object: 'charge', amount: 1999, refunded: false })
    case 'POST /v1/refunds':
      return found({ id: 're_fake1', object: 'refund', status: 'succeeded' })
    default:
      return stripeError(404, `Unrecognized request URL (${operation})`)
  }
}

function found(body: Readonly<Record<string, unknown>>): Answer {
  return { headers: { 'request-id': 'req_fromstripe' }, body }
}

function stripeError(status: number, message: string): Answer {
  return { status, body: { error: { type: 'invalid_request_error', message } } }
}
