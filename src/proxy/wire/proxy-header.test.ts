import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readProxyHeader } from './proxy-header.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const header = (rest: string): Buffer => Buffer.from(SIGNATURE + rest.replaceAll(' ', ''), 'hex')

const V4 = header('21 11 000c c6336401 0a000001 d431 01bb')
const V6 = header(
  `21 21 0024 20010db8000000000000000000000001 20010db8000f00000000000000000001 d431 01bb`,
)
const MAPPED = header(
  `21 21 0024 00000000000000000000ffffc6336401 00000000000000000000ffff0a000001 d431 01bb`,
)
const RECORDS = header('21 11 0014 c6336401 0a000001 d431 01bb 03 0004 deadbeef 00')

describe('a PROXY protocol header', () => {
  it.each([
    ['TCP over IPv4', V4, '198.51.100.1'],
    ['TCP over IPv6', V6, '2001:db8::1'],
    ['IPv4 in its IPv6 form', MAPPED, '198.51.100.1'],
    ['records behind the addresses', RECORDS, '198.51.100.1'],
    ['a health check of the balancer', header('20 00 0000'), undefined],
    ['a health check with addresses', header('20 11 000c c6336401 0a000001 d431 01bb'), undefined],
    ['a health check of a family of its own', header('20 ff 0001 00'), undefined],
    ['an unknown source', header('21 00 0000'), undefined],
    ['an unknown source with records', header('21 00 0004 04 0001 00'), undefined],
    ['a UNIX socket', header(`21 31 00d8 ${'00'.repeat(216)}`), undefined],
  ])('AU-06 names the source: %s', (_case, bytes, source) => {
    const request = Buffer.from('GET / HTTP/1.1\r\n')
    const done = { kind: 'done', length: bytes.length, source }
    expect(readProxyHeader(bytes)).toEqual(done)
    expect(readProxyHeader(Buffer.concat([bytes, request]))).toEqual(done)
    for (let length = 0; length < bytes.length; length += 1)
      expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: 'more' })
  })

  it.each([
    ['a request', Buffer.from('GET / HTTP/1.1\r\n'), 'does not begin'],
    ['version 1', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n'), 'does not begin'],
    ['the first byte of version 1', Buffer.from('P'), 'does not begin'],
    ['a TLS handshake', Buffer.from('16030100', 'hex'), 'does not begin'],
    ['a signature that breaks off', Buffer.from('0d0a0d0a000d0a515549540d', 'hex'), 'not begin'],
    ['version 3', header('31 11 000c'), 'unknown version'],
    ['another command', header('22'), 'unknown version'],
    ['UDP', header('21 12 000c c6336401 0a000001 d431 01bb'), 'no TCP'],
    ['a datagram socket', header(`21 32 00d8 ${'00'.repeat(216)}`), 'no TCP'],
    ['a family without a transport', header('21 10 000c c6336401 0a000001 d431 01bb'), 'no TCP'],
    ['IPv4 addresses cut short', header('21 11 000b c6336401 0a000001 d431 01'), 'too short'],
    ['IPv6 addresses cut short', header('21 21 000c c6336401 0a000001 d431 01bb'), 'too short'],
    ['a length beyond every real one', header('21 11 0209'), 'too long'],
    ['the largest length', header('20 00 ffff'), 'too long'],
  ])('AU-06 is refused: %s', (_case, bytes, words) => {
    const header = readProxyHeader(bytes)
    expect(header.kind === 'refused' ? header.problem : header.kind).toContain(words)
  })

  it('may be as long as the bound', () => {
    const bytes = header(`21 11 0208 c6336401 0a000001 d431 01bb ${'00'.repeat(508)}`)
    expect(readProxyHeader(bytes)).toMatchObject({ kind: 'done', length: 536 })
  })

  it('never throws, never claims bytes that are not there, and never changes its mind', () => {
    const noise = fc.oneof(
      fc.uint8Array(),
      fc.uint8Array({ maxLength: 600 }).map((rest) => [...header(''), ...rest]),
      fc.uint8Array({ minLength: 14, maxLength: 40 }).map((rest) => [...header('21'), ...rest]),
    )
    fc.assert(
      fc.property(noise, fc.uint8Array(), (some, later) => {
        const bytes = Buffer.from(some)
        const first = readProxyHeader(bytes)
        if (first.kind === 'done') expect(first.length).toBeLessThanOrEqual(bytes.length)
        if (first.kind !== 'more')
          expect(readProxyHeader(Buffer.concat([bytes, later]))).toEqual(first)
      }),
    )
  })
})
