import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FieldTracker, parseField, type FieldPattern } from './fields.ts'
import { parsePairs } from './pairs.ts'

function field(text: string): FieldPattern {
  const parsed = parseField(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}

/** Whether the pattern covers the place with these names above it. */
function covers(pattern: string, ...names: string[]): boolean {
  const tracker = new FieldTracker([field(pattern)])
  const end = names.reduce((state, name) => tracker.enter(state, name), tracker.start)
  return end.covered.length > 0
}

describe('a field pattern', () => {
  it.each([
    ['balance', ['balance'], true],
    ['balance', ['Balance'], true],
    ['balance', ['other'], false],
    ['balance', ['a', 'balance'], false],
    ['balance', ['balance', 'deeper', '0'], true],
    ['a[*].b', ['a', '0', 'b'], true],
    ['a[*].b', ['a', 'b'], false],
    ['card[number]', ['card', 'number'], true],
    ['expand[]', ['expand', ''], true],
    ['expand[]', ['expand', '3'], true],
    ['expand[]', ['expand'], false],
    ['*', ['anything'], true],
    ['a.*', ['a', 'x'], true],
    ['**.amount', ['amount'], true],
    ['**.amount', ['lines', '0', 'amount'], true],
    ['**.amount', ['lines', '0', 'unit_amount'], false],
    ['**.tools[*].url', ['session', 'tools', '1', 'url'], true],
    ['**.a.**.b', ['x', 'a', 'a', 'y', 'b'], true],
    ['**.a.**.b', ['x', 'b', 'a'], false],
  ])('%s covers %j: %s', (pattern, names, expected) => {
    expect(covers(pattern, ...names)).toBe(expected)
  })

  it.each(['', 'a..b', 'a[', 'a]', 'a.**', '**', 'a*', 'a b', '.a'])('refuses %j', (text) => {
    expect(parseField(text).ok).toBe(false)
  })

  it('follows several patterns as each alone', () => {
    const sources = ['a', '**.b', 'a.*.c', '*.b', '**.a.b']
    const together = new FieldTracker(sources.map(field))
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'x'), { maxLength: 6 })
    fc.assert(
      fc.property(names, (path) => {
        const end = path.reduce((state, name) => together.enter(state, name), together.start)
        const expected = sources.flatMap((source, index) =>
          covers(source, ...path) ? [index] : [],
        )
        expect([...end.covered].sort()).toEqual(expected)
      }),
    )
  })

  it('AV-06 does not grow with the depth it walks', () => {
    const tracker = new FieldTracker([field('**.a.**.b'), field('**.a')])
    let state = tracker.start
    for (let depth = 0; depth < 64; depth += 1) state = tracker.enter(state, 'a')
    expect(state.open.length).toBeLessThan(300)
  })
})

describe('pairs of a query or form', () => {
  it.each([
    [
      'a=1&b=2',
      [
        [['a'], '1'],
        [['b'], '2'],
      ],
    ],
    ['a[b][]=x+y', [[['a', 'b', ''], 'x y']]],
    ['%61=%C3%A9', [[['a'], 'é']]],
    ['a', [[['a'], '']]],
    ['a=b=c&&', [[['a'], 'b=c']]],
    ['a[b=1', [[undefined, '1']]],
    [
      'a=1;b=2',
      [
        [['a'], '1;b=2'],
        [['a'], '1'],
        [['b'], '2'],
      ],
    ],
    ['a%=1', [[undefined, '1']]],
    ['a%00b=1', [[undefined, '1']]],
    ['a=%ff', [[['a'], undefined]]],
    ['%24httpMethod=x', [[['$httpMethod'], 'x']]],
  ])('SC-10 %s is %j', (text, expected) => {
    expect(parsePairs(text).map(({ name, value }) => [name, value])).toEqual(expected)
  })

  it('agrees with URLSearchParams about what can be decoded', () => {
    const plain = fc.string({ unit: fc.constantFrom(...Array.from('ab=&+%41%20')), maxLength: 20 })
    fc.assert(
      fc.property(plain, (text) => {
        const theirs = [...new URLSearchParams(text)]
        const ours = parsePairs(text)
        expect(ours).toHaveLength(theirs.length)
        for (const [index, pair] of ours.entries())
          if (pair.value !== undefined) expect(pair.value).toBe(theirs[index]?.[1])
      }),
    )
  })

  it('never throws on noise', () => {
    const bytes = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(fc.string({ unit: bytes }), (text) => {
        for (const { name } of parsePairs(text)) expect(name?.length).not.toBe(0)
      }),
    )
  })
})
