import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from './secret.ts'
import { LONGEST, ValueSearch } from './value-search.ts'

const VALUE = 'no-vendor-would-know-this-one'
const SIGNS = 'p+q/r=s t&u"v\\w\nx~y%z'
const ACCENTS = 'clé-secrète-très-longue'

const searchFor = (...values: readonly string[]) =>
  new ValueSearch(values.map((value) => new Secret(value)))

const search = searchFor('another-value-0123456789', VALUE, SIGNS, ACCENTS, 'short')

describe('a stored value', () => {
  it.each([
    ['alone', VALUE, true],
    ['in the middle of a text', `{"note":"${VALUE}"}`, true],
    ['of another name', 'x=another-value-0123456789', true],
    ['behind its own beginning', VALUE.slice(0, 20) + VALUE, true],
    ['in bytes', Buffer.from(`\xff\x00${ACCENTS}`).toString('latin1'), true],
    ['as a URL has it', `?x=${encodeURIComponent(SIGNS)}`, true],
    ['as a form has it', new URLSearchParams({ x: SIGNS }).toString(), true],
    ['as JSON has it', JSON.stringify({ x: SIGNS }), true],
    ['without its last letter', VALUE.slice(0, -1), false],
    ['without its first letter', VALUE.slice(1), false],
    ['in other letters', VALUE.toUpperCase(), false],
    ['that is short', 'short', false],
    ['in nothing', '', false],
  ])('%s is found, or is not', (_where, text, isFound) => {
    expect(search.isIn(text)).toBe(isFound)
  })

  it('is found wherever it stands, and only where it does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 })
    const values = fc.array(letters, { maxLength: 5 })
    fc.assert(
      fc.property(values, letters, letters, (all, before, after) => {
        const text = before + (all[0] ?? '') + after
        const isThere = all.some((value) => value.length >= 16 && text.includes(value))
        expect(searchFor(...all).isIn(text)).toBe(isThere)
      }),
    )
  })

  it('that is very long is known by its beginning', () => {
    const long = 'ab'.repeat(LONGEST)
    expect(searchFor(long).isIn(long.slice(0, LONGEST))).toBe(true)
    expect(searchFor(long).isIn(long.slice(0, LONGEST - 1))).toBe(false)
  })
})

it('is never found where nothing is looked for', () => {
  expect(searchFor().isIn(VALUE)).toBe(false)
})

it('knows which secrets it was given', () => {
  const secret = new Secret(VALUE)
  expect(new ValueSearch([secret]).covers(secret)).toBe(true)
  expect(search.covers(secret)).toBe(false)
})

it('takes no longer for a text that nearly matches everywhere', () => {
  const many = Array.from(
    { length: 200 },
    (_, number) => `${'a'.repeat(40)}${String(number + 1000)}`,
  )
  const crafted = 'a'.repeat(1 << 18)
  const before = process.cpuUsage().user
  expect(searchFor(...many).isIn(crafted)).toBe(false)
  expect(process.cpuUsage().user - before).toBeLessThan(1_000_000)
})
