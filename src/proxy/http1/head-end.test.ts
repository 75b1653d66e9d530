import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countReads } from '../../../test/support/counted.ts'
import { HeadScanner } from './head-end.ts'

const MAX_BYTES = 64

const scan = (text: string) => new HeadScanner(MAX_BYTES).scan(Buffer.from(text, 'latin1'))

/** The first answer that is not "more", when the bytes come in parts of this size. */
function scanInParts(bytes: Buffer, size: number) {
  const scanner = new HeadScanner(MAX_BYTES)
  for (let end = size; end < bytes.length; end += size) {
    const found = scanner.scan(bytes.subarray(0, end))
    if (found !== -1) return found
  }
  return scanner.scan(bytes)
}

describe('HeadScanner', () => {
  it.each([
    ['a whole head', 'GET / HTTP/1.1\r\na: b\r\n\r\n', 24],
    ['a head without fields', 'GET / HTTP/1.1\r\n\r\n', 18],
    ['a head with more behind it', 'x\r\n\r\n\0\n\r', 5],
    ['tabs and bytes above 0x7f', 'x\t\xff\r\n\r\n', 7],
  ])('finds the end of %s', (_case, text, end) => {
    expect(scan(text)).toBe(end)
  })

  it.each(['', 'G', 'x\r', 'x\r\n', 'x\r\n\r', 'x\r\na: b\r\n'])('wants more after %j', (text) => {
    expect(scan(text)).toBe(-1)
  })

  it.each([
    [400, 'an empty line at the start', '\r\nx\r\n\r\n'],
    [400, 'a bare LF', 'x\ny\r\n\r\n'],
    [400, 'an LF at the start', '\nx\r\n\r\n'],
    [400, 'a bare CR', 'x\ry\r\n\r\n'],
    [400, 'two CRs', 'x\r\r\n\r\n'],
    [400, 'an LF as the empty line', 'x\r\n\n'],
    [400, 'a NUL', 'x\0'],
    [400, 'an escape', 'x\x1b'],
    [400, 'a DEL', 'x\x7f'],
    [414, 'a line without end', 'x'.repeat(MAX_BYTES)],
    [414, 'a line that ends too late', `${'x'.repeat(MAX_BYTES - 1)}\r\n\r\n`],
    [431, 'fields without end', `x\r\n${'y'.repeat(MAX_BYTES)}`],
    [431, 'an end that comes too late', `x\r\n${'y'.repeat(MAX_BYTES - 6)}\r\n\r\n`],
  ])('HF-05 answers %i to %s', (status, _case, text) => {
    expect(scan(text)).toMatchObject({ status })
  })

  it('takes a head of exactly the allowed length', () => {
    expect(scan(`${'x'.repeat(MAX_BYTES - 4)}\r\n\r\n`)).toBe(MAX_BYTES)
  })

  it('can be used again after a reset', () => {
    const scanner = new HeadScanner(MAX_BYTES)
    const head = Buffer.from('x\r\na: b\r\n\r\n')
    expect(scanner.scan(head)).toBe(head.length)
    scanner.reset()
    expect(scanner.scan(Buffer.from('x\r\n\r\n'))).toBe(5)
  })

  it('gives the same answer however the bytes are cut', () => {
    const piece = fc.constantFrom('\r\n', '\r', '\n', '\r\n\r\n', 'x', 'a: b', '\0', 'y'.repeat(20))
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (written, size) => {
        const bytes = Buffer.from(written, 'latin1')
        expect(scanInParts(bytes, size)).toEqual(scan(written))
      }),
    )
  })

  it('looks at no byte again but at the end of a line or of what it had', () => {
    const bytes = Buffer.from(`x\r\n${'a: b\r\n'.repeat(9)}\r\n`)
    const scanner = new HeadScanner(MAX_BYTES)
    const reads = Array.from(bytes, (_, index) => {
      const counted = countReads(bytes, index + 1)
      scanner.scan(counted.bytes)
      return counted.reads()
    })
    const total = reads.reduce((sum, each) => sum + each)
    // A CR is no text, and a CR: once when it comes, and again when its LF has come.
    expect(total).toBeLessThanOrEqual(bytes.length + 4 * 11)
  })
})
