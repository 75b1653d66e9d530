import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cidrContains, cidrCovers, formatAddress, formatCidr, isLoopback } from './cidr.ts'
import { parseAddress, parseCidr } from './cidr.ts'

describe('parseAddress', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0', '0.0.0.0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:DB8::ff00:42:8329', '2001:db8:0:0:0:ff00:42:8329'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['64:ff9b::10.1.2.3', '64:ff9b:0:0:0:0:a01:203'],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical)
  })

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '0x7f.0.0.1',
    '2130706433',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1.2.3.',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::12345',
    '::g',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '[::1]',
    '١.2.3.4',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it('never throws and agrees with itself on its own spelling', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text)
        return !address || formatAddress(parseAddress(formatAddress(address))!) !== ''
      }),
    )
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => !!parseAddress(text)))
  })
})

describe('parseCidr', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::/32', '2001:db8:0:0:0:0:0:0/32'],
    ['::/0', '0:0:0:0:0:0:0:0/0'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatCidr(parseCidr(text)!)).toBe(canonical)
  })

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '/8',
    '2001:db8::1/32',
    '::/129',
    '::ffff:10.0.0.0/95',
    '10.0.0.0/8 ',
    '10/8',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined()
  })
})

describe('cidrContains', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::/0', '10.0.0.1', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/33', '2001:db8:8000::1', false],
  ])('%s contains %s: %s', (range, address, expected) => {
    expect(cidrContains(parseCidr(range)!, parseAddress(address)!)).toBe(expected)
  })

  it('agrees with the BlockList of node:net', () => {
    const families = [
      { family: 'ipv4', address: fc.ipV4(), bits: 32 },
      { family: 'ipv6', address: fc.ipV6(), bits: 128 },
    ] as const
    for (const { family, address, bits } of families) {
      const property = fc.property(
        address,
        address,
        fc.integer({ min: 0, max: bits }),
        (net, other, length) => {
          const base = parseAddress(net)!
          if (base.bytes.length * 8 !== bits) return true
          const masked = [...base.bytes].map((byte, index) => {
            const keep = Math.min(8, Math.max(0, length - index * 8))
            return byte & (255 << (8 - keep)) & 255
          })
          const start = formatAddress({ ...base, bytes: masked })
          const list = new BlockList()
          list.addSubnet(start, length, family)
          const range = parseCidr(`${start}/${length}`)
          // ::ffff:0:0/96 is written as IPv6 and is IPv4 to us.
          if (!range || range.family !== base.family) return true
          const asked = parseAddress(other)!
          if (asked.family !== range.family) return !cidrContains(range, asked)
          return cidrContains(range, asked) === list.check(other, family)
        },
      )
      fc.assert(property, { numRuns: 500 })
    }
  })

  it('covers only what lies wholly inside', () => {
    expect(cidrCovers(parseCidr('10.0.0.0/8')!, parseCidr('10.1.0.0/16')!)).toBe(true)
    expect(cidrCovers(parseCidr('10.1.0.0/16')!, parseCidr('10.0.0.0/8')!)).toBe(false)
    expect(cidrCovers(parseCidr('10.1.0.0/16')!, parseCidr('10.1.0.0/16')!)).toBe(true)
    expect(cidrCovers(parseCidr('::/0')!, parseCidr('10.0.0.0/8')!)).toBe(false)
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['::2', false],
  ['1::1', false],
])('isLoopback(%s) is %s', (text, expected) => {
  expect(isLoopback(parseAddress(text)!)).toBe(expected)
})
