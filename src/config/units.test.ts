import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, isLoopback, parseAddress } from './address.ts'
import { formatDuration, parseDuration, parseSize } from './units.ts'

describe('a duration', () => {
  it.each([
    ['90s', 90],
    ['4h', 14_400],
    ['1h30m', 5400],
    ['7d', 604_800],
    ['0s', undefined],
    ['-1h', undefined],
    ['1.5h', undefined],
    ['4 h', undefined],
    ['4', undefined],
    ['1e3s', undefined],
    ['', undefined],
  ])('%s is %s seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 8 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds)
      }),
    )
  })
})

it.each([
  ['10MiB', 10_485_760],
  ['512KiB', 524_288],
  ['1024', 1024],
  ['1.5MiB', undefined],
  ['0', undefined],
  ['10MB', undefined],
])('a size of %s is %s bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

describe('an address', () => {
  it.each([
    ['127.0.0.1:8900', '127.0.0.1', 8900, true],
    ['[::1]:1', '::1', 1, true],
    ['LOCALHOST:0', 'localhost', 0, true],
    ['0.0.0.0:80', '0.0.0.0', 80, false],
    ['127.evil.example:80', '127.evil.example', 80, false],
    ['[::]:80', '::', 80, false],
  ])('%s is host %s, port %i, loopback: %s', (text, ...[host, port, loopback]) => {
    const address = parseAddress(text)
    expect(address).toEqual({ host, port })
    expect(address && isLoopback(address)).toBe(loopback)
    expect(address && parseAddress(formatAddress(address))).toEqual(address)
  })

  it.each(['8900', ':8900', 'a:99999', '::1:80', '[::g]:1', 'a b:1', 'http://a:1', 'a:1/'])(
    '%s is none',
    (text) => {
      expect(parseAddress(text)).toBeUndefined()
    },
  )
})
