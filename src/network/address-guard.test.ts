import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyAddress, isForbidden, type AddressClass } from './address-guard.ts'

const CASES: readonly (readonly [AddressClass, readonly string[]])[] = [
  [
    'public',
    [
      '8.8.8.8',
      '1.1.1.1',
      '172.15.255.255',
      '172.32.0.0',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
    ],
  ],
  [
    'public',
    [
      '192.167.255.255',
      '169.253.255.255',
      '223.255.255.255',
      '168.63.129.15',
      '198.17.255.255',
      '198.20.0.0',
    ],
  ],
  [
    'public',
    [
      '2606:4700::1111',
      '2a00:1450:4001::200e',
      '2001:4860:4860::8888',
      '2600::',
      '64:ff9b::808:808',
      '::ffff:8.8.8.8',
    ],
  ],
  [
    'loopback',
    [
      '127.0.0.1',
      '127.0.0.0',
      '127.255.255.255',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '64:ff9b::7f00:1',
    ],
  ],
  [
    'private',
    [
      '10.0.0.0',
      '10.255.255.255',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '::ffff:10.0.0.1',
    ],
  ],
  [
    'private',
    [
      '100.64.0.0',
      '100.127.255.255',
      'fc00::1',
      'fd12:3456:789a::1',
      'fdff:ffff::',
      '64:ff9b::c0a8:101',
    ],
  ],
  [
    'link_local',
    ['169.254.0.1', '169.254.255.254', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.1.1'],
  ],
  [
    'metadata',
    [
      '169.254.169.254',
      '169.254.169.253',
      '169.254.170.2',
      '168.63.129.16',
      '100.100.100.200',
      '192.0.0.192',
    ],
  ],
  [
    'metadata',
    [
      'fd00:ec2::254',
      'fd00:ec2::23',
      'fd20:ce::254',
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
      '64:ff9b::a9fe:a9fe',
    ],
  ],
  [
    'reserved',
    [
      '0.0.0.0',
      '0.1.2.3',
      '192.0.0.1',
      '192.0.2.1',
      '192.88.99.1',
      '198.18.0.1',
      '198.51.100.1',
      '203.0.113.1',
    ],
  ],
  [
    'reserved',
    [
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '::',
      '::2',
      '::7f00:1',
      '::127.0.0.1',
    ],
  ],
  [
    'reserved',
    [
      'ff02::1',
      'fec0::1',
      '100::1',
      '2001::1',
      '2001:2::1',
      '2001:10::1',
      '2001:db8::1',
      '2002:7f00:1::',
      '3fff::1',
    ],
  ],
  ['reserved', ['64:ff9b:1::a00:1', '::ffff:0:127.0.0.1', '5f00::1', '4000::1']],
  [
    'invalid',
    [
      '',
      'localhost',
      '127.1',
      '0x7f.0.0.1',
      '2130706433',
      '017700000001',
      '127.0.0.1.',
      ' 127.0.0.1',
      '1.2.3.4/8',
      '::g',
    ],
  ],
]

const flat = CASES.flatMap(([kind, addresses]) =>
  addresses.map((address) => [address, kind] as const),
)

describe('CE-08 an address', () => {
  it.each(flat)('%s is %s', (address, kind) => {
    expect(classifyAddress(address)).toBe(kind)
  })

  it.each(flat)(
    '%s (%s) is allowed only when it is public, or near and permitted',
    (address, kind) => {
      expect(isForbidden(address, { allowPrivate: false })).toBe(kind !== 'public')
      const isNear = kind === 'loopback' || kind === 'private' || kind === 'link_local'
      expect(isForbidden(address, { allowPrivate: true })).toBe(kind !== 'public' && !isNear)
    },
  )

  it('is judged alike in every form that embeds it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(classifyAddress(`::ffff:${address}`)).toBe(classifyAddress(address))
        expect(classifyAddress(`64:ff9b::${address}`)).toBe(classifyAddress(address))
        expect(isForbidden(`::${address}`, { allowPrivate: false })).toBe(true)
      }),
    )
  })

  it('outside 2000::/3 is never public unless it embeds one that is', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        if (classifyAddress(address) !== 'public') return
        expect(address).toMatch(/^(?:[23]|::ffff:|0*64:ff9b:|(?:0+:){5}ffff:)/i)
      }),
    )
  })
})
