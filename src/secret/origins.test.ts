import { describe, expect, it } from 'vitest'
import { isWildOrigin, mayGoTo } from './origins.ts'

const origins = new Set(['https://api.stripe.com', 'https://*.amazonaws.com'])
const pair = new Set(['access_key_id', 'secret_access_key'])
const key = new Set(['secret'])

describe('a key pair', () => {
  it.each([
    'https://api.stripe.com',
    'https://s3.eu-west-1.amazonaws.com',
    'https://iam.amazonaws.com',
  ])('may go to %s', (origin) => {
    expect(mayGoTo(origin, origins, pair)).toBe(true)
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
  ])('may not go to %s', (origin) => {
    expect(mayGoTo(origin, origins, pair)).toBe(false)
  })
})

it('CE-01 a key that is sent as it is may go to exact origins only', () => {
  expect(mayGoTo('https://api.stripe.com', origins, key)).toBe(true)
  expect(mayGoTo('https://s3.amazonaws.com', origins, key)).toBe(false)
})

it.each([
  'https://*.com',
  'https://*.',
  'http://*.a.b',
  'https://*.a.b:1',
  'https://a.*.b',
  '*.a.b',
])('%s is no wildcard', (text) => {
  expect(isWildOrigin(text)).toBe(false)
})
