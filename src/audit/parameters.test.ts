import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AUDIT_KEY } from '../../test/support/audit.ts'
import type { RedactRules } from './field-rules.ts'
import { redactParameters, type ParameterSource } from './parameters.ts'

const STRIPE: RedactRules = {
  body: [
    'card[number]',
    '*.card[number]',
    'payload',
    'blocks[*]',
    'messages[*].text_of',
    'spec.*.v',
  ],
  query: ['client_reference'],
  path: [],
  pii: ['shipping.*'],
}

const redact = (source: Partial<ParameterSource>) =>
  redactParameters({ query: undefined, rules: STRIPE, key: AUDIT_KEY, ...source })

const digested = (length: number) => ({
  length,
  hmac: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
})

describe('a query', () => {
  it.each([
    ['limit=10', { limit: '10' }],
    ['amount=-50.25&currency=usd', { amount: '-50.25', currency: 'usd' }],
    ['customer=cus_NffrFeUfNV2Hib', { customer: 'cus_NffrFeUfNV2Hib' }],
    ['created[gte]=1700000000', { 'created[gte]': '1700000000' }],
    ['expand[]=data.customer&expand[]=total', { 'expand[]': ['data.customer', 'total'] }],
    ['since=2026-03-01T00:00:00Z', { since: '2026-03-01T00:00:00Z' }],
    ['model=gpt-4o-mini&stream=true', { model: 'gpt-4o-mini', stream: 'true' }],
    ['flag&empty=', { flag: '', empty: '' }],
    ['user_id=42&client_id=abc', { user_id: '42', client_id: 'abc' }],
  ])('keeps what is plain: %s', (query, kept) => {
    expect(redact({ query })).toEqual({ query: kept })
  })

  it.each([
    ['a listed field', 'client_reference=abc', { client_reference: 3 }],
    ['personal data that the service lists', 'shipping[city]=Rome', { 'shipping[city]': 4 }],
    ['a password', 'password=hunter', { password: 6 }],
    ['a key', 'apiKey=abc', { apiKey: 3 }],
    ['what callers may fill as they like', 'metadata[anything]=abc', { 'metadata[anything]': 3 }],
    ['a one-time code', 'code=123456', { code: 6 }],
    ['the id of a tax payer', 'tax_id=123456789', { tax_id: 9 }],
    ['a session id', 'sessionId=abc', { sessionId: 3 }],
    ['an address', 'email=a@b.c', { email: 5 }],
    ['an address under any name', 'x=a@b.c', { x: 5 }],
    ['free text', 'q=refund', { q: 6 }],
    ['text of several words', 'x=two+words', { x: 9 }],
    ['a card number', 'x=4242424242424242', { x: 16 }],
    ['a card number in groups', 'x=4242-4242-4242-4242', { x: 19 }],
    ['a phone number', 'x=%2B15555550123', { x: 12 }],
    ['characters of chance', 'x=q8Zr2Lw0Vb7Nn3Kd5Xf9', { x: 20 }],
    ['a long hexadecimal', 'x=0123456789abcdef0123456789abcdef', { x: 32 }],
    ['a long value', `x=${'word-'.repeat(13)}word`, { x: 69 }],
    ['a URL', 'x=https%3A%2F%2Fa.example', { x: 17 }],
  ])('digests %s', (_case, query, lengths) => {
    const digests = Object.entries(lengths).map(([name, length]) => [name, digested(length)])
    expect(redact({ query })).toEqual({ query: Object.fromEntries(digests) as object })
  })

  it('hides names that are none', () => {
    const { query } = redact({ query: 'pt_live_0123456789ABCDEFGHIJabcdefghij4fK2xQ=1&a@b.c=2' })
    expect(Object.keys(query as object)).toEqual([
      expect.stringMatching(/^\[redacted:44:[0-9a-f]{16}\]$/),
      expect.stringMatching(/^\[redacted:5:[0-9a-f]{16}\]$/),
    ])
  })

  it('counts what is too much', () => {
    const query = Array.from({ length: 100 }, (_, index) => `a${index}=1`).join('&')
    const kept = redact({ query }).query as Record<string, unknown>
    expect(Object.keys(kept)).toHaveLength(65)
    expect(kept['[more]']).toBe(36)
  })

  it('is nothing when there is none', () => {
    expect(redact({})).toEqual({})
    expect(redact({ query: '' })).toEqual({})
  })

  it('has no way to a prototype', () => {
    const { query } = redact({ query: '__proto__=1&constructor=2' })
    expect(Object.getPrototypeOf(query)).toBe(Object.prototype)
    expect(JSON.stringify(query)).toContain('"constructor":"2"')
  })
})

describe('a form', () => {
  it('follows the rules for bodies, in brackets or not', () => {
    const form = 'card[number]=42&source[card][number]=42&amount=5&payload[x]=1&card[exp]=12'
    expect(redact({ form: Buffer.from(form) })).toEqual({
      form: {
        'card[number]': digested(2),
        'source[card][number]': digested(2),
        amount: '5',
        'payload[x]': digested(1),
        'card[exp]': digested(2), // everything in a card is somebody's
      },
    })
  })
})

describe('a JSON body', () => {
  it('keeps its shape, and of its values what is plain', () => {
    const body = {
      model: 'gpt-4o',
      stream: true,
      temperature: 0.5,
      stop: null,
      messages: [{ role: 'user', content: 'hello', text_of: 'x' }],
      blocks: [{ type: 'section' }],
      shipping: { line1: 'abc' },
      spec: { production: { v: 'abc', w: 'abc' } },
      amount: 4242424242424242,
    }
    expect(redact({ json: JSON.stringify(body) })).toEqual({
      json: {
        model: 'gpt-4o',
        stream: true,
        temperature: 0.5,
        stop: null,
        messages: [{ role: 'user', content: digested(5), text_of: digested(1) }],
        blocks: [{ type: digested(7) }],
        shipping: { line1: digested(3) },
        spec: { production: { v: digested(3), w: 'abc' } },
        amount: digested(16),
      },
    })
  })

  it.each([
    ['that is no JSON', '{"a":'],
    ['that nests for ever', '['.repeat(50_000)],
  ])('%s is length and digest', (_case, json) => {
    expect(redact({ json })).toEqual({ body: digested(json.length) })
  })

  it('that is long is length and digest, and at last its length', () => {
    expect(redact({ json: `"${'a'.repeat(70_000)}"` })).toEqual({ body: digested(70_002) })
    expect(redact({ json: Buffer.alloc(2_000_000) })).toEqual({ body: { length: 2_000_000 } })
  })

  it('of ten thousand fields leaves a few and counts the rest', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`a${index}`, true]))
    const kept = redact({ json: JSON.stringify({ many, after: [1] }) }).json as {
      many: Record<string, unknown>
    }
    expect(Object.keys(kept.many)).toHaveLength(65)
    expect(kept.many['[more]']).toBe(5000 - 64)
    const list = redact({ json: JSON.stringify(Array(5000).fill(1)) }).json as unknown[]
    expect(list).toHaveLength(65)
    expect(list.at(-1)).toBe('[+4936]')
  })
})

it('AU-05 keeps nothing that is known to be secret, however plain it looks', () => {
  const isSecret = (text: string) => text.includes('pass-word')
  const query = 'limit=my-pass-word&my-pass-word=1&a=b'
  const name = expect.stringMatching(/^\[redacted:12:[0-9a-f]{16}\]$/) as string
  const [query_, json] = [
    redact({ query, isSecret }),
    redact({ json: '["my-pass-word"]', isSecret }),
  ]
  expect(query_).toEqual({
    query: expect.objectContaining({ limit: digested(12), a: 'b' }) as object,
  })
  expect(Object.keys(query_.query as object)).toContainEqual(name)
  expect(json).toEqual({ json: [digested(12)] })
})

describe('any other body', () => {
  const bytes = Buffer.from('--frontier')

  it.each([
    ['all of it', { bytes, length: 10, isWhole: true }, digested(10)],
    [
      'its beginning',
      { bytes, length: 70_000, isWhole: false },
      { ...digested(70_000), partial: true },
    ],
    [
      'more than is digested',
      { bytes: Buffer.alloc(2 << 20), length: 2 << 20, isWhole: true },
      { length: 2 << 20 },
    ],
  ])('is its length and a digest of %s', (_what, other, body) => {
    expect(redact({ other })).toEqual({ body })
  })
})

describe('AU-05 a digest', () => {
  const digestUnder = (fill: number, query: string) =>
    JSON.stringify(redact({ query, key: createSecretKey(Buffer.alloc(32, fill)) }))

  it('is the same for the same value, and another under another key', () => {
    expect(digestUnder(1, 'q=a b')).toBe(digestUnder(1, 'q=a b'))
    expect(digestUnder(1, 'q=a b')).not.toBe(digestUnder(1, 'q=a c'))
    expect(digestUnder(1, 'q=a b')).not.toBe(digestUnder(2, 'q=a b'))
  })
})

describe('AU-05 a canary', () => {
  const canaries = [
    'canary-9f8e7d6c5b4a39281706f5e4d3c2b1a0',
    'CANARY_xK29fjWq0ZmLp4TtUu7eRb',
    'sk_live_CANARY00000000000000',
    'xoxb-canary-0000-0000',
    'correct horse battery staple',
  ]

  it.each(canaries)('%s is nowhere in the parameters, in any form', (canary) => {
    const encoded = encodeURIComponent(canary)
    const json = JSON.stringify({ a: canary, b: [{ c: canary }], [canary]: 1 })
    const parts = [
      redact({ query: `id=${encoded}&${encoded}=1&limit=${encoded}` }),
      redact({ form: `metadata[note]=${encoded}&${encoded}` }),
      redact({ json }),
      redact({ json: json.slice(1) }),
    ]
    for (const part of parts) {
      const text = JSON.stringify(part)
      expect(text).not.toContain(canary.slice(0, 10))
      expect(text).not.toContain(encoded.slice(0, 10))
    }
  })
})

it('never throws, whatever arrives', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.json(), (query, bytes, json) => {
      JSON.stringify([redact({ query, form: bytes }), redact({ query: json, json })])
      JSON.stringify(redact({ json: bytes }))
    }),
  )
})
