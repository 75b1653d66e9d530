import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUsage, joinUsage, readUsage, type UsagePlaces } from './usage.ts'

const PLACES: UsagePlaces = {
  model: [['model'], ['response', 'model']],
  currency: [['currency']],
  inputTokens: [
    [
      ['usage', 'fresh'],
      ['usage', 'cached'],
    ],
    [['usage', 'input']],
  ],
  outputTokens: [[['usage', 'output']]],
  cachedTokens: [[['usage', 'cached']]],
  amount: [[['amount']]],
}

describe('usage in a document', () => {
  it.each([
    [
      { model: 'gpt-4o-mini-2024-07-18', usage: { input: 7, output: 2 } },
      { model: 'gpt-4o-mini-2024-07-18', inputTokens: 7, outputTokens: 2 },
    ],
    [{ response: { model: 'claude-sonnet-4-20250514' } }, { model: 'claude-sonnet-4-20250514' }],
    [{ model: '@cf/meta/llama-3.1-8b-instruct' }, { model: '@cf/meta/llama-3.1-8b-instruct' }],
    [{ usage: { fresh: 5, cached: 4, input: 1 } }, { inputTokens: 9, cachedTokens: 4 }],
    [{ usage: { cached: 4 } }, { inputTokens: 4, cachedTokens: 4 }],
    [
      { amount: 1999, currency: 'EUR' },
      { amount: 1999, currency: 'eur' },
    ],
    [
      { amount: 0, currency: 'usd' },
      { amount: 0, currency: 'usd' },
    ],
    [{}, {}],
    [null, {}],
    [[1, 2], {}],
  ])('%j is %j', (document, usage) => {
    expect(readUsage(document, PLACES)).toEqual(usage)
  })

  it.each([
    [{ amount: -5 }],
    [{ amount: 1.5 }],
    [{ amount: '1999' }],
    [{ amount: 1e13 }],
    [{ amount: { value: 1 } }],
    [{ currency: 'euro' }],
    [{ currency: 'e\nr' }],
    [{ model: '' }],
    [{ model: 'x\n{"forged":1}' }],
    [{ model: 'm'.repeat(101) }],
    [{ model: 'two words' }],
    [{ model: 'sk_live_51CanaryCanary0123456789' }],
    [{ model: 7 }],
    [{ usage: 'input' }],
    [{ __proto__: { amount: 5 } }],
  ])('AU-04 %j tells nothing', (document) => {
    expect(readUsage(document, PLACES)).toEqual({})
  })

  it('is never anything but counts and plain names, whatever the document', () => {
    const keys = fc.constantFrom('model', 'usage', 'input', 'cached', 'amount', 'currency', 'x')
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.double(),
        fc.integer(),
        fc.string(),
        fc.constant(null),
        fc.dictionary(keys, tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(values, (document) => {
        const text = formatUsage(readUsage(document, PLACES))
        expect(text).toMatch(/^[ -~]+$/)
        expect(text.length).toBeLessThan(400)
        expect(() => JSON.parse(text) as unknown).not.toThrow()
      }),
    )
  })
})

describe('usage that is told again and again', () => {
  it('counts once: the first name, and the most of each count', () => {
    const first = { model: 'a', inputTokens: 5, outputTokens: 1 }
    expect(joinUsage(first, { model: 'b', outputTokens: 9, cachedTokens: 2 })).toEqual({
      model: 'a',
      inputTokens: 5,
      outputTokens: 9,
      cachedTokens: 2,
    })
  })
})

describe('usage in a record', () => {
  it.each([
    [undefined, 'null'],
    [{}, 'null'],
    [
      { model: 'm', inputTokens: 1, outputTokens: 2, cachedTokens: 0 },
      '{"model":"m","inputTokens":1,"outputTokens":2,"cachedTokens":0}',
    ],
    [{ currency: 'usd', amount: 1999 }, '{"amount":1999,"currency":"usd"}'],
  ])('%j is written as %s', (usage, text) => {
    expect(formatUsage(usage)).toBe(text)
  })
})
