/** What the upstream answers with, by path. They are Stripe's, so that our own rules know them. */

export const PATHS = {
  small: '/v1/customers',
  large: '/v1/invoices',
  events: '/v1/events',
} as const
