import { expect, it } from 'vitest'
import { coversOrigin } from './origins.ts'

const origins = new Set(['https://api.stripe.com', 'https://*.amazonaws.com'])

it.each([
  'https://api.stripe.com',
  'https://s3.eu-west-1.amazonaws.com',
  'https://iam.amazonaws.com',
])('covers %s', (origin) => {
  expect(coversOrigin(origins, origin)).toBe(true)
})

it.each([
  'https://api.stripe.com:8443',
  'http://s3.amazonaws.com',
  'https://amazonaws.com',
  'https://evilamazonaws.com',
  'https://s3.amazonaws.com.evil.example',
  'https://evil.example/.amazonaws.com',
  'https://evil.example?x.amazonaws.com',
  'https://s3.amazonaws.com:8443',
  'https://*.amazonaws.com.evil',
])('does not cover %s', (origin) => {
  expect(coversOrigin(origins, origin)).toBe(false)
})
