import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'

describe('durations', () => {
  it.each([
    ['4h', 14_400],
    ['30m', 1800],
    ['90s', 90],
    ['1d12h', 129_600],
    ['1d2h3m4s', 93_784],
  ])('reads %s as %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  it.each([
    '',
    '4',
    'h',
    '-4h',
    '+4h',
    '4.5h',
    '4e3s',
    '4 h',
    ' 4h',
    '4h\n',
    '4H',
    '1h1h',
    '1m1h',
    '0s',
    '0h0m',
    'Infinity',
    '1e309s',
    '999999999999999999h',
    '４h',
    '4w',
  ])('DL-04 refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds)
      }),
    )
  })

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const seconds = parseDuration(text)
        return seconds === undefined || Number.isSafeInteger(seconds)
      }),
    )
  })
})
