import { SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HeaderField } from '../http1/fields.ts'
import { createSourceReader, createTrust } from './source.ts'

const BALANCER = '10.0.0.1'
const read = createSourceReader(['10.0.0.0/8', '2001:db8:f::/48', '192.0.2.7'])
const forwarded = (...values: string[]): HeaderField[] => [
  ['host', 'proxy.example'],
  ...values.map((value): HeaderField => ['x-forwarded-for', value]),
]

describe('the source of a request', () => {
  it.each([
    ['nothing was forwarded', [], BALANCER],
    ['one address', ['198.51.100.1'], '198.51.100.1'],
    ['a client that wrote one itself', ['1.1.1.1, 198.51.100.1'], '198.51.100.1'],
    ['a chain of trusted proxies', ['198.51.100.1, 10.2.2.2,10.3.3.3'], '198.51.100.1'],
    ['a single trusted address', ['198.51.100.1, 192.0.2.7'], '198.51.100.1'],
    ['two fields', ['1.1.1.1', '198.51.100.1'], '198.51.100.1'],
    ['two fields, the last of a proxy', ['1.1.1.1, 198.51.100.1', '10.9.9.9'], '198.51.100.1'],
    ['nobody but trusted proxies', ['10.4.4.4, 10.5.5.5'], '10.4.4.4'],
    ['a port', ['198.51.100.1:54321'], '198.51.100.1'],
    ['IPv6', ['2001:db8::1'], '2001:db8::1'],
    ['IPv6 in brackets', ['[2001:db8::1]'], '2001:db8::1'],
    ['IPv6 with a port', ['[2001:DB8:0::0:1]:5'], '2001:db8::1'],
    ['a trusted IPv6 proxy', ['198.51.100.1,[2001:db8:f::9]:443'], '198.51.100.1'],
    ['IPv4 in its IPv6 form', ['::ffff:198.51.100.1'], '198.51.100.1'],
    ['a trusted proxy in its IPv6 form', ['198.51.100.1, ::ffff:10.0.0.3'], '198.51.100.1'],
    ['blanks and tabs', ['\t198.51.100.1 \t'], '198.51.100.1'],
  ])('AU-06 is read behind a trusted proxy: %s', (_case, values, source) => {
    expect(read(BALANCER, forwarded(...values))).toBe(source)
  })

  it.each([
    ['a word', 'unknown'],
    ['an obfuscated name', '_hidden'],
    ['nothing', ''],
    ['nothing between commas', '198.51.100.1,'],
    ['a zone', 'fe80::1%eth0'],
    ['a zone in brackets', '[fe80::1%25eth0]:5'],
    ['quotes', '"198.51.100.1"'],
    ['a short form', '10.1'],
    ['an octal form', '010.0.0.1'],
    ['a number', '3232235777'],
    ['a number too large', '256.1.1.1'],
    ['brackets around IPv4', '[198.51.100.1]'],
    ['an open bracket', '[2001:db8::1'],
    ['a port that is none', '198.51.100.1:http'],
    ['a port too long', '198.51.100.1:123456'],
    ['two addresses without a comma', '198.51.100.1 198.51.100.2'],
    ['bytes above ASCII', '\u00a0198.51.100.1'],
  ])('AU-06 is the last proxy that could be read where it wrote %s', (_case, entry) => {
    expect(read(BALANCER, forwarded(`1.1.1.1, ${entry}`))).toBe(BALANCER)
    expect(read(BALANCER, forwarded(`1.1.1.1, ${entry}, 10.7.7.7`))).toBe('10.7.7.7')
  })

  it.each(['198.51.100.9', '11.0.0.1', '2001:db8:e::1', ''])(
    'AU-06 TK-05 is the peer %s itself where that is no trusted proxy',
    (peer) => {
      expect(read(peer, forwarded('10.0.0.1', '1.1.1.1'))).toBe(peer)
    },
  )

  it('AU-06 is always the peer where no proxy is trusted', () => {
    expect(createSourceReader([])('10.0.0.1', forwarded('1.1.1.1'))).toBe('10.0.0.1')
  })

  it('AU-06 is never further left than the first address that is not trusted', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    const untrusted = createTrust(['10.0.0.0/8'])
    const entry = address.filter((text) => !untrusted(text))
    fc.assert(
      fc.property(fc.array(address), entry, fc.nat(4), (left, client, hops) => {
        const proxies = Array.from({ length: hops }, (_, index) => `10.0.0.${index}`)
        const value = [...left, client, ...proxies].join(', ')
        const source = createSourceReader(['10.0.0.0/8'])(BALANCER, forwarded(value))
        const family = client.includes(':') ? 'ipv6' : 'ipv4'
        const spelled = new SocketAddress({ family, address: client }).address
        expect(source).toBe(spelled.replace(/^::ffff:(?=\d+\.)/, ''))
      }),
    )
  })

  it('is an address whatever a trusted proxy forwards', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (values) => {
        expect(read(BALANCER, forwarded(...values))).toMatch(/^[0-9a-f.:]+$/)
      }),
    )
  })
})
