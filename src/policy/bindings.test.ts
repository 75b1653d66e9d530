import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aGrant } from '../../test/support/grants.ts'
import { checkBindings, firstUseAddress, parseBindings, refuseSource } from './bindings.ts'

const JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'

describe('parseBindings', () => {
  it.each([
    [[], {}],
    [['cidr=10.0.0.0/8'], { cidr: ['10.0.0.0/8'] }],
    [['cidr=10.0.0.0/8', 'cidr=::1'], { cidr: ['10.0.0.0/8', '0:0:0:0:0:0:0:1/128'] }],
    [[`dpop=${JKT}`, 'first-use'], { dpop: JKT, firstUse: true }],
  ])('reads %o', (words, bindings) => {
    expect(parseBindings(words)).toEqual({ ok: true, value: bindings })
  })

  it.each([
    [['cidr='], /address range/],
    [['cidr=10.0.0.1/8'], /without host bits/],
    [['dpop=short'], /thumbprint/],
    [[`dpop=${JKT.slice(0, 42)}J`], /thumbprint/],
    [[`dpop=${JKT}`, `dpop=${JKT}`], /one dpop key/],
    [['mtls=abc'], /not built yet/],
    [['first-use=yes'], /a binding is/],
    [['first-use\n'], /a binding is/],
    [['CIDR=10.0.0.0/8'], /a binding is/],
    [['__proto__=x'], /a binding is/],
    [[''], /a binding is/],
    [Array.from({ length: 33 }, () => 'cidr=10.0.0.0/8'), /1 to 32/],
  ])('refuses %o', (words, problem) => {
    const parsed = parseBindings(words)
    expect(parsed.ok ? '' : parsed.error).toMatch(problem)
  })

  it('never reads an empty list of ranges as no binding at all', () => {
    expect(checkBindings({ cidr: [] }).ok).toBe(false)
  })

  it('never throws on noise', () => {
    fc.assert(fc.property(fc.array(fc.string()), (words) => 'ok' in parseBindings(words)))
  })
})

describe('refuseSource', () => {
  const inTen = aGrant({ bindings: { cidr: ['10.0.0.0/8'] } })
  const onFirstUse = aGrant({ bindings: { firstUse: true } })
  const bound = { ...onFirstUse, boundAddress: '192.0.2.7' }

  it.each([
    ['an unbound grant from anywhere', aGrant(), 'not an address'],
    ['a source in range', inTen, '10.3.2.1'],
    ['a mapped source in range', inTen, '::ffff:10.3.2.1'],
    ['the first use of all', onFirstUse, '192.0.2.7'],
    ['the bound address again', bound, '192.0.2.7'],
    ['the bound address in IPv6 spelling', bound, '::ffff:192.0.2.7'],
  ])('TK-05 accepts %s', (_case, grant, source) => {
    expect(refuseSource(grant, source)).toBeUndefined()
  })

  it.each([
    ['a source out of range', inTen, '11.0.0.1', 'cidr'],
    ['a source that is no address', inTen, '', 'cidr'],
    ['another address than the bound one', bound, '192.0.2.8', 'first-use'],
    ['loopback, which everybody shares', onFirstUse, '127.0.0.1', 'first-use'],
    ['a source that is no address at first use', onFirstUse, 'unix', 'first-use'],
    ['a range that cannot be read', aGrant({ bindings: { cidr: ['x'] } }), '10.0.0.1', 'cidr'],
  ])('TK-05 refuses %s', (...row) => {
    const [, grant, source, binding] = row
    expect(refuseSource(grant, source)).toEqual({ reason: 'binding_mismatch', binding })
  })

  it('keeps one spelling of an address', () => {
    expect(firstUseAddress('2001:DB8::1')).toBe(firstUseAddress('2001:db8:0:0:0:0:0:1'))
  })
})
