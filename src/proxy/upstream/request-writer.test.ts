import { describe, expect, it } from 'vitest'
import { formatRequestHead } from './request-writer.ts'
import type { UpstreamRequest } from './upstream.ts'

const format = (request: Partial<UpstreamRequest>) =>
  formatRequestHead({ method: 'GET', path: '/', headers: [], body: undefined, ...request })

const chunked = { length: undefined, stream: () => undefined, resume: () => undefined }

describe('a head', () => {
  it('has the path, names and values byte for byte', () => {
    const headers = ['Host', 'a', 'X-ODD', ' \xe9\t', 'x-odd', '']
    expect(format({ path: '/a%2Fb?c=\xe9', headers })).toBe(
      'GET /a%2Fb?c=\xe9 HTTP/1.1\r\nHost: a\r\nX-ODD:  \xe9\t\r\nx-odd: \r\n\r\n',
    )
  })

  it.each([
    ['GET', undefined, ''],
    ['GET', Buffer.alloc(0), ''],
    ['DELETE', undefined, ''],
    ['POST', undefined, 'Content-Length: 0\r\n'],
    ['PUT', Buffer.alloc(0), 'Content-Length: 0\r\n'],
    ['GET', Buffer.from('abc'), 'Content-Length: 3\r\n'],
    ['POST', { ...chunked, length: 7 }, 'Content-Length: 7\r\n'],
    ['POST', chunked, 'Transfer-Encoding: chunked\r\n'],
  ] as const)('of %s with %o is framed as it is', (method, body, framing) => {
    expect(format({ method, body })).toBe(`${method} / HTTP/1.1\r\n${framing}\r\n`)
  })

  it.each(['Content-Length', 'TRANSFER-ENCODING', 'expect', 'Connection', 'Upgrade'])(
    'HF-08 HF-09 leaves out a %s that it was given',
    (name) => {
      expect(format({ headers: [name, '100-continue', 'Host', 'a'] })).toBe(
        'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      )
    },
  )

  it('asks for a protocol where the request does', () => {
    expect(format({ upgrade: 'websocket' })).toBe(
      'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
  })

  const BAD = ['a\r\nX: y', 'a\nb', 'a\rb', 'a\0', '\x7f', 'a\u010a\u010d', '\u2028']

  it.each(BAD.map((bad) => [JSON.stringify(bad), bad] as const))(
    'HF-05 is not written with %s in it',
    (_shown, bad) => {
      expect(format({ headers: ['X', bad] })).toBeUndefined()
      expect(format({ headers: [bad, 'x'] })).toBeUndefined()
      expect(format({ path: `/${bad}` })).toBeUndefined()
      expect(format({ method: `GET${bad}` })).toBeUndefined()
    },
  )

  it.each(['', '/a b', '/a\tb'])('is not written with the path %j', (path) => {
    expect(format({ path })).toBeUndefined()
  })
})
