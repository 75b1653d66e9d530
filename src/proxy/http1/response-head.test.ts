import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readResponseHead } from './response-head.ts'

const OK = 'HTTP/1.1 200 OK'

function readAs(method: string, line: string, fields: readonly string[]) {
  const bytes = Buffer.from([line, ...fields, '', ''].join('\r\n'), 'latin1')
  return readResponseHead(bytes, bytes.length, { method, maxFields: 5 })
}

const read = (line: string, ...fields: readonly string[]) => readAs('GET', line, fields)

describe('readResponseHead', () => {
  it('keeps names, values and their order, and takes the framing out', () => {
    const lines = ['Content-LENGTH: 5', 'Set-Cookie: a', 'X_y:  b ', 'Set-Cookie: c']
    expect(read('HTTP/1.1 201 So \xe9', ...lines)).toEqual({
      ok: true,
      value: {
        status: 201,
        reason: 'So \xe9',
        headers: ['Set-Cookie', 'a', 'X_y', 'b', 'Set-Cookie', 'c'],
        length: 5,
        framing: 'length',
        keepsAlive: true,
      },
    })
  })

  it.each([
    ['GET', OK, [], { framing: 'until_close', length: undefined, keepsAlive: false }],
    ['GET', OK, ['Content-Length: 0'], { framing: 'none', length: 0, keepsAlive: true }],
    ['GET', OK, ['Content-Length: 7', 'Connection: close'], { length: 7, keepsAlive: false }],
    ['GET', OK, ['Content-Length: 7', 'Connection: a=b'], { length: 7, keepsAlive: false }],
    ['GET', OK, ['Transfer-Encoding: chunked'], { framing: 'chunked', length: undefined }],
    ['HEAD', OK, ['Content-Length: 7'], { framing: 'none', length: 7, keepsAlive: true }],
    ['HEAD', OK, ['Transfer-Encoding: chunked'], { framing: 'none', length: undefined }],
    ['HEAD', OK, [], { framing: 'none', length: undefined, keepsAlive: true }],
    ['GET', 'HTTP/1.1 304 x', ['Content-Length: 7'], { framing: 'none', length: 7 }],
    ['GET', 'HTTP/1.1 204 x', ['Content-Length: 0'], { framing: 'none', keepsAlive: true }],
    ['GET', 'HTTP/1.1 103 x', ['Link: a'], { framing: 'none', keepsAlive: true }],
    ['GET', 'HTTP/1.0 200 x', ['Content-Length: 7'], { length: 7, keepsAlive: false }],
    [
      'GET',
      'HTTP/1.0 200 x',
      ['Content-Length: 7', 'Connection: keep-alive'],
      { keepsAlive: true },
    ],
  ])('reads the framing of a %s answered %s %j', (...row) => {
    const [method, line, fields, value] = row
    expect(readAs(method, line, fields)).toMatchObject({ ok: true, value })
  })

  it.each([
    ['HTTP/1.1 200 ', ''],
    ['HTTP/1.1 200', ''],
    ['HTTP/1.1 599 a  b', 'a  b'],
  ])('takes the line %j', (line, reason) => {
    expect(read(line)).toMatchObject({ value: { reason } })
  })

  it.each([
    'HTTP/2.0 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 600 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\tK',
    'HTTP/1.1 200 O\rK',
    ' HTTP/1.1 200 OK',
    'ICY 200 OK',
    '',
  ])('HF-13 refuses the line %j', (line) => {
    expect(read(line)).toMatchObject({ ok: false })
  })

  it.each([
    ['two framings', OK, ['Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['two lengths', OK, ['Content-Length: 2', 'Content-Length: 2']],
    ['a signed length', OK, ['Content-Length: +2']],
    ['a list of lengths', OK, ['Content-Length: 2, 2']],
    ['another coding', OK, ['Transfer-Encoding: gzip, chunked']],
    ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK', ['Transfer-Encoding: chunked']],
    ['a 204 with a body', 'HTTP/1.1 204 x', ['Content-Length: 2']],
    ['a chunked 204', 'HTTP/1.1 204 x', ['Transfer-Encoding: chunked']],
    ['a 100 with a body', 'HTTP/1.1 100 x', ['Content-Length: 2']],
    ['a chunked 101', 'HTTP/1.1 101 x', ['Transfer-Encoding: chunked']],
    ['a folded line', OK, ['X: a', ' b']],
    ['a bare CR', OK, ['X: a\rb']],
    ['a NUL', OK, ['X: a\0b']],
    ['an escape', OK, ['X: \x1b[2J']],
    ['a blank before the colon', OK, ['X : a']],
    ['an empty name', OK, [': a']],
    ['too many fields', OK, ['a:', 'b:', 'c:', 'd:', 'e:', 'f:']],
  ])('HF-13 refuses %s', (_case, line, fields) => {
    expect(readAs('GET', line, fields)).toMatchObject({ ok: false })
    if (line.includes(' 20')) expect(readAs('HEAD', line, fields)).toMatchObject({ ok: false })
  })

  it('says nothing that the upstream sent, and never throws on noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ max: 300 }), (noise, end) => {
        const request = { method: 'GET', maxFields: 5 }
        expect(readResponseHead(Buffer.from(noise), end, request)).toHaveProperty('ok')
      }),
    )
    expect(JSON.stringify(read(OK, 'canary : x'))).not.toContain('canary')
  })
})
