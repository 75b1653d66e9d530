import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileExpression, compilePattern, type TextPattern } from './pattern.ts'

function pattern(source: string, mode: 'search' | 'whole' = 'search'): TextPattern {
  const compiled = compilePattern(source, mode)
  if (!compiled.ok) throw new Error(compiled.error)
  return compiled.value
}

/** Patterns in the style of the catalogue, and some that are hard on other engines. */
const SOURCES = [
  '^ *-',
  '(number|cvc)$',
  '^(rebuild|delete.*)$',
  '^xox[bpe]-|^xoxe\\.',
  '^AC[0-9a-f]{2,4}$',
  '[^A-Za-z0-9.]',
  'a?b+c*',
  '(a+)+$',
  '(a|ab)(c|bcd)(d*)',
  '^a{2}b{0,2}(c|d){1,}$',
  '\\d+\\w\\s?x',
  '',
  '^$',
  '(|a)b',
]

describe('a pattern', () => {
  it.each(SOURCES)('finds what RegExp finds: %s', (source) => {
    const ours = pattern(source)
    const native = new RegExp(source)
    const text = fc.string({
      unit: fc.constantFrom(...Array.from('abcdx- 019.AC_nucvmberl\n')),
      maxLength: 12,
    })
    fc.assert(
      fc.property(text, (sample) => {
        const isDotSafe = !source.includes('.') || !sample.includes('\n')
        if (isDotSafe) expect(ours.test(sample)).toBe(native.test(sample))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['refunds?|.*_refund', 'refund', true],
    ['refunds?|.*_refund', 'partial_refund', true],
    ['refunds?|.*_refund', 'refundable', false],
    ['api[-_]keys?', 'my-api-keys', false],
  ])('in whole mode, %s on %s is %s', (source, text, expected) => {
    expect(pattern(source, 'whole').test(text)).toBe(expected)
  })

  it.each([
    ['(a)\\1', 'may not use "\\1"'],
    ['(?=a)', 'may not look around'],
    ['(?<name>a)', 'may not look around'],
    ['a**', 'two quantifiers'],
    ['a+?', 'two quantifiers'],
    ['*a', 'nothing before it'],
    ['(a', 'without a ")"'],
    ['a)', 'without a "("'],
    ['[a', 'ends in the middle'],
    ['[z-a]', 'end is before its start'],
    ['\\bword', 'may not use "\\b"'],
    ['a{1000}', 'more than 100 times'],
    ['a{3,2}', 'end is before its start'],
    ['((a{100}){100}){100}', 'too large'],
    ['^*', 'may not repeat'],
    ['('.repeat(50) + ')'.repeat(50), 'too many nested'],
    ['a'.repeat(2000), 'longer than'],
  ])('refuses %s', (source, reason) => {
    const compiled = compilePattern(source, 'search')
    expect(compiled).toMatchObject({ ok: false, error: expect.stringContaining(reason) as string })
  })

  it.each(['(a+)+$', '(a|a)*b', '(.*)*x', 'a?'.repeat(30) + 'a'.repeat(30), '(a*a*a*)*c'])(
    'AV-06 takes linear time for %s',
    (source) => {
      const stepsFor = (length: number) => {
        const fresh = pattern(source)
        fresh.test(`${'a'.repeat(length)}!`)
        return fresh.steps
      }
      const [short, long] = [stepsFor(1000), stepsFor(10_000)]
      expect(long).toBeLessThan(short * 11)
    },
  )

  it('AV-06 takes linear time for text outside ASCII, which is not remembered', () => {
    const fresh = pattern('(é+)+$')
    fresh.test('é'.repeat(5000))
    expect(fresh.steps).toBeLessThan(5000 * 20)
  })

  it('forgets what it met rather than growing without bound', () => {
    const fresh = pattern('(a|b)*a(a|b){12}$')
    const words = fc.sample(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 }), 300)
    const native = /(a|b)*a(a|b){12}$/
    for (const word of words) expect(fresh.test(word)).toBe(native.test(word))
  })

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (source, text) => {
        const compiled = compilePattern(source, 'search')
        if (compiled.ok) expect(typeof compiled.value.test(text)).toBe('boolean')
      }),
    )
  })
})

describe('an expression for credentials', () => {
  it.each([
    '^(sk|rk)_(test|live)_[0-9A-Za-z]{10,}$',
    '^xox[bpe]-|^xoxe\\.',
    '^AC[0-9a-f]{32}$',
    '^SG\\.',
  ])('accepts %s', (source) => {
    expect(compileExpression(source)).toMatchObject({ ok: true })
  })

  it.each(['(a+)+$', '.*a.*b', '[a-z]+x', '^(a|b)+$', '^a?a?a?aaa$', '\\1'])(
    'AV-06 refuses %s',
    (source) => {
      expect(compileExpression(source).ok).toBe(false)
    },
  )
})
