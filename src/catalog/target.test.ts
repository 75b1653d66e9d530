import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTarget } from './target.ts'

const strict = { allowEncodedSlash: false }
const loose = { allowEncodedSlash: true }

describe('a request target', () => {
  it.each([
    ['/', [], undefined],
    ['/v1/charges', ['v1', 'charges'], undefined],
    ['/v1/charges?limit=1&x=//', ['v1', 'charges'], 'limit=1&x=//'],
    ['/a??b', ['a'], '?b'],
    ['/a?', ['a'], ''],
    ['/a/', ['a', ''], undefined],
    ['/values/Sheet1!A1:B2', ['values', 'Sheet1!A1:B2'], undefined],
    ['/%20foo/%3A%3a', [' foo', '::'], undefined],
    ['/users/@me', ['users', '@me'], undefined],
    ['/caf%C3%A9', ['café'], undefined],
    ['/labels/%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB', ['labels', '👩\u200d💻'], undefined],
    ['/contents/[slug].ts', ['contents', '[slug].ts'], undefined],
    ['/foo/..bar/.hidden', ['foo', '..bar', '.hidden'], undefined],
    ['/c/en.usa%23holiday%3F', ['c', 'en.usa#holiday?'], undefined],
  ])('reads %s', (raw, segments, query) => {
    const target = parseTarget(raw, strict)
    expect(target).toEqual({ ok: true, value: { path: raw.split('?')[0], query, segments } })
  })

  it('reads an encoded slash as part of its segment where the service takes one', () => {
    expect(parseTarget('/branches/feature%2Fx', loose)).toMatchObject({
      ok: true,
      value: { path: '/branches/feature%2Fx', segments: ['branches', 'feature/x'] },
    })
  })

  it.each(['/a/..%2fb', '/a/%2f', '/a/x%2F', '/a/x%2f%2Fy', '/a/x%2F%2e%2e', '/a/x%2F..%2Fy'])(
    'SC-02 refuses %s even where the service takes encoded slashes',
    (raw) => {
      expect(parseTarget(raw, loose).ok).toBe(false)
    },
  )

  const refused: [string, string[]][] = [
    [
      'SC-01 dot segments',
      [
        '/v1/charges/../refunds',
        '/v1/./charges',
        '/v1/..',
        '/v1/%2e%2e/refunds',
        '/v1/.%2e/x',
        '/v1/%252e%252e/x',
        '/v1/.%%32%65/x',
        '/a/%e2%80%a5/b',
        '/a/.%e2%80%8d./b',
      ],
    ],
    ['SC-02 encoded separators', ['/a%2fb', '/a%2Fb', '/a%5Cb', '/a%5cb', '/a\\b', '/..%2f']],
    ['SC-03 empty segments', ['//admin', '/a//b', '//host/x', '/a//', '//', '//a']],
    ['SC-04 path parameters', ['/..;/x', '/admin;x=1/', '/a%3bb', '/a%3Bb', '/;']],
    [
      'SC-05 encoded letters and hidden characters',
      [
        '/%61dmin',
        '/foo%41%7a',
        '/a%7E',
        '/a%00',
        '/a%0a',
        '/a%7F',
        '/%c0%af',
        '/%ff',
        '/a%ef%bc%8fb',
        '/%ed%a0%80',
        '/a%e2%80%8bb',
        '/a%C2%85',
        '/caf\u00c3\u00a9',
        '/a b',
        '/a\u0000',
        '/a\u007f',
        '/"a"',
        '/a%',
        '/a%2',
        '/a%zz',
      ],
    ],
    [
      'SC-06 other forms of a target',
      ['/x#/../admin', '/x?a#b', 'http://evil/', '*', 'a:443', '', 'x', '?a', '..', '%2F'],
    ],
    [
      'control characters in the query',
      ['/a?b\u0000', '/a?b c', '/a?b\n', '/a?\u00e9', '/a?b\u007f'],
    ],
  ]
  it.each(refused.flatMap(([name, targets]) => targets.map((raw) => [name, raw] as const)))(
    '%s: refuses %j',
    (_, raw) => {
      const target = parseTarget(raw, strict)
      expect(target.ok).toBe(false)
    },
  )

  it('SC-07 never throws, and what it accepts is what came in', () => {
    const noise = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...Array.from('/.%2eEfF5cC;?#\\ @:a')),
        fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      ),
      maxLength: 40,
    })
    fc.assert(
      fc.property(noise, fc.boolean(), (rest, allowEncodedSlash) => {
        const raw = `/${rest}`
        const target = parseTarget(raw, { allowEncodedSlash })
        if (!target.ok) return
        const { path, query, segments } = target.value
        expect(query === undefined ? path : `${path}?${query}`).toBe(raw)
        expect(new URL(`http://h${raw}`).pathname).toBe(path)
        expect(segments.length).toBe(path === '/' ? 0 : path.split('/').length - 1)
      }),
      { numRuns: 5000 },
    )
  })
})
