import { describe, expect, it } from 'vitest'
import { anUnrecognised } from '../../test/support/audit.ts'
import { NOW } from '../../test/support/grants.ts'
import { createCounter } from './counter.ts'
import { networkOf } from './network.ts'

describe('counted refusals', () => {
  it('AU-07 are told apart by second, network and reason', () => {
    const counter = createCounter()
    for (const source of ['203.0.113.1', '203.0.113.200', '::ffff:203.0.113.3', '198.51.100.1'])
      counter.add(anUnrecognised({ source }))
    counter.add(anUnrecognised({ at: NOW + 999 }))
    counter.add(anUnrecognised({ at: NOW + 1000 }))
    counter.add(anUnrecognised({ reason: 'token_missing' }))
    expect(
      counter.drain().map(({ at, reason, network, count }) => [at, reason, network, count]),
    ).toEqual([
      [NOW, 'token_unknown', '203.0.113.0/24', 4],
      [NOW, 'token_unknown', '198.51.100.0/24', 1],
      [NOW, 'token_missing', '203.0.113.0/24', 1],
      [NOW + 1000, 'token_unknown', '203.0.113.0/24', 1],
    ])
    expect(counter.drain()).toEqual([])
  })

  it('of a flood from everywhere take a hundred lines a second and lose none', () => {
    const counter = createCounter()
    for (let index = 0; index < 20_000; index++)
      counter.add(anUnrecognised({ source: `10.${index >> 8}.${index & 255}.1` }))
    const counts = counter.drain()
    expect(counts).toHaveLength(100)
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(20_000)
    expect(counts.at(-1)).toMatchObject({ reason: 'several', network: 'several', count: 19_901 })
  })
})

it.each([
  ['203.0.113.9', '203.0.113.0/24'],
  ['::ffff:203.0.113.9', '203.0.113.0/24'],
  ['2001:db8:7:1::9', '2001:db8:7::/48'],
  ['::1', '::/48'],
  ['fe80::1%eth0', 'fe80::/48'],
  ['', 'other'],
  ['unix:', 'other'],
])('%s belongs to %s', (source, network) => {
  expect(networkOf(source)).toBe(network)
})
