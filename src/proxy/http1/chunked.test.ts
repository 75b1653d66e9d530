import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countReads } from '../../../test/support/counted.ts'
import { ChunkDecoder } from './chunked.ts'

interface Decoded {
  readonly data: string
  readonly rest: string
  readonly isDone: boolean
  readonly problem: string | undefined
  /** How often the sink was called. */
  readonly calls: number
}

/** Decodes segments of this size, of which the decoder may change its copy. */
function decode(text: string, size = text.length): Decoded {
  const bytes = Buffer.from(text, 'latin1')
  const decoder = new ChunkDecoder()
  let data = ''
  let calls = 0
  let at = 0
  while (at < bytes.length && !decoder.isDone && decoder.problem === undefined) {
    const segment = Buffer.from(bytes.subarray(at, at + size))
    at += decoder.push(segment, 0, (piece) => {
      data += piece.toString('latin1')
      calls += 1
    })
  }
  const { isDone, problem } = decoder
  return { data, rest: bytes.toString('latin1', at), isDone, problem, calls }
}

const encode = (chunks: readonly string[]) =>
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('') + '0\r\n\r\n'

describe('ChunkDecoder', () => {
  it.each([
    ['one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['several chunks', '5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n', 'hello world'],
    ['nothing', '0\r\n\r\n', ''],
    [
      'digits of either case',
      'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n',
      '0123456789'.repeat(2),
    ],
    ['leading zeros', '0000000000000005\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['data that looks like framing', '7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n', '0\r\n\r\n0\r'],
  ])('decodes %s', (_case, text, data) => {
    expect(decode(text)).toMatchObject({ data, isDone: true, problem: undefined, rest: '' })
  })

  it('HF-11 drops trailers', () => {
    const text = '1\r\nx\r\n0\r\nVary: *\r\nAuthorization:\t\xe9 b\r\nEmpty:\r\n\r\n'
    expect(decode(text)).toMatchObject({ data: 'x', isDone: true, rest: '' })
  })

  it('stops behind the end, and touches nothing there', () => {
    const bytes = Buffer.from('..1\r\nx\r\n2\r\nyz\r\n0\r\n\r\nGET / HTTP/1.1')
    const decoder = new ChunkDecoder()
    const index = decoder.push(bytes, 2, (data) => {
      expect(data.toString()).toBe('xyz')
    })
    expect(bytes.toString('latin1', index)).toBe('GET / HTTP/1.1')
    expect(decoder.push(bytes, index, fail)).toBe(index)
  })

  it.each([
    ['an extension', '5;a=b\r\nhello\r\n0\r\n\r\n'],
    ['an empty extension', '5;\r\nhello\r\n0\r\n\r\n'],
    ['a blank behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a separator', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'],
    ['a size of 17 digits', '00000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['a size that no number holds', 'ffffffffffffffff\r\nhello'],
    ['a size just too large', '20000000000000\r\nhello'],
    ['a bare LF behind the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare CR behind the size', '5\rhello\r\n0\r\n\r\n'],
    ['data that is longer', '5\r\nhello!\r\n0\r\n\r\n'],
    ['data that is shorter', '5\r\nhell\r\n0\r\n\r\n'],
    ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['a bare CR behind the data', '5\r\nhello\r0\r\n\r\n'],
    ['a bare LF at the end', '5\r\nhello\r\n0\r\n\n'],
    ['a bare CR at the end', '5\r\nhello\r\n0\r\n\rx'],
    ['a trailer without a name', '0\r\n: a\r\n\r\n'],
    ['a trailer without a colon', '0\r\na\r\n\r\n'],
    ['a blank in a name', '0\r\na b: c\r\n\r\n'],
    ['a folded trailer', '0\r\na: b\r\n c\r\n\r\n'],
    ['a NUL in a trailer', '0\r\na: \0\r\n\r\n'],
    ['a bare LF in a trailer', '0\r\na: b\nc: d\r\n\r\n'],
    ['a bare CR in a trailer', '0\r\na: b\rc: d\r\n\r\n'],
    ['a length behind the body', '0\r\nContent-Length: 9\r\n\r\n'],
    ['a coding behind the body', '0\r\na: b\r\nTRANSFER-encoding: chunked\r\n\r\n'],
    ['endless trailers', `0\r\n${'a: b\r\n'.repeat(2000)}`],
  ])('HF-04 refuses %s', (_case, text) => {
    const whole = decode(text)
    expect(whole).toMatchObject({ data: '', isDone: false, problem: expect.any(String) as string })
    for (const size of [1, 2, 3, 7]) {
      expect(decode(text, size)).toMatchObject({ isDone: false, problem: whole.problem })
    }
  })

  it('takes nothing more once the framing is broken', () => {
    const decoder = new ChunkDecoder()
    decoder.push(Buffer.from('x'), 0, fail)
    expect(decoder.push(Buffer.from('1\r\nx\r\n'), 0, fail)).toBe(0)
  })

  it('AV-03 refuses a million chunks of one byte, however they are cut', () => {
    const text = '1\r\nx\r\n'.repeat(1_000_000)
    const whole = decode(text)
    const cut = decode(text, 1000)
    expect(whole).toMatchObject({ problem: 'the chunks are too small' })
    expect(cut).toMatchObject({ problem: 'the chunks are too small', rest: whole.rest })
    expect(cut.data.length).toBeLessThan(70_000)
  })

  it('AV-03 takes small chunks, and many of them, where the framing does not outweigh them', () => {
    const chunks = Array.from({ length: 50_000 }, () => 'xyz')
    expect(decode(encode(chunks), 4096)).toMatchObject({ isDone: true, data: chunks.join('') })
  })

  it('gives small chunks in one piece, and moves no large one', () => {
    expect(decode(encode(['a', 'bc', 'def'])).calls).toBe(1)
    const large = 'x'.repeat(100_000)
    const chunks = ['a', large, 'b', large]
    expect(decode(encode(chunks))).toMatchObject({ data: chunks.join(''), calls: 3 })
  })

  it('AV-06 reads each byte of the framing once, and no byte of the data', () => {
    const text = encode(Array.from({ length: 100 }, () => 'x'.repeat(100)))
    const { bytes, reads } = countReads(Buffer.from(text))
    new ChunkDecoder().push(bytes, 0, () => undefined)
    expect(reads()).toBe(text.length - 100 * 100)
  })

  it('gives back what was encoded, however it is cut, and leaves what follows', () => {
    const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.array(chunk), fc.integer({ min: 1, max: 50 }), (chunks, size) => {
        const text = encode(chunks)
        expect(decode(text, size)).toMatchObject({ data: chunks.join(''), isDone: true, rest: '' })
        expect(decode(`${text}GET`).rest).toBe('GET')
      }),
    )
  })

  it('never throws on noise, and judges it alike however it is cut', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'a',
      '\r\n',
      '\r',
      '\n',
      ';',
      'x',
      ': ',
      '0\r\n\r\n',
      '1\r\nx',
    )
    const noise = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 5 }), (text, size) => {
        const { isDone, problem } = decode(text)
        expect(decode(text, size)).toMatchObject({ isDone, problem })
      }),
    )
  })
})

function fail(): never {
  throw new Error('nothing may be given')
}
