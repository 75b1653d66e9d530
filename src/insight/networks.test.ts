import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cidrContains, parseAddress, parseCidr } from '../policy/cidr.ts'
import { rangesOf } from './networks.ts'

it.each([
  [['10.1.2.3'], ['10.1.2.3/32']],
  [
    ['10.1.2.3', '10.1.2.4', '10.1.2.3'],
    ['10.1.2.3/32', '10.1.2.4/32'],
  ],
  [['127.0.0.1', '127.0.0.9'], ['127.0.0.0/8']],
  [['::1'], ['::1/128']],
  [Array.from({ length: 30 }, (_, n) => `10.1.2.${n}`), ['10.1.2.0/24']],
  [Array.from({ length: 9 }, (_, n) => `2001:db8::${n + 1}`), ['2001:db8:0:0:0:0:0:0/64']],
])('makes of %j the ranges %j', (addresses, ranges) => {
  expect(rangesOf(addresses)).toEqual(ranges)
})

it('gives up on addresses all over the place, on none, and on what is no address', () => {
  expect(rangesOf(Array.from({ length: 9 }, (_, n) => `10.${n}.2.1`))).toBeUndefined()
  expect(rangesOf([])).toBeUndefined()
  expect(rangesOf(['10.1.2.3', 'unknown'])).toBeUndefined()
})

it('gives ranges that hold every address, or none at all', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1 }), (texts) => {
      const ranges = (rangesOf(texts) ?? []).map((range) => parseCidr(range)!)
      for (const address of ranges.length === 0 ? [] : texts.map((text) => parseAddress(text)!))
        expect(ranges.some((range) => cidrContains(range, address))).toBe(true)
    }),
  )
})
