import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { formatProxyLogin } from './proxy-login.ts'

describe('a login for the proxy on the way out', () => {
  it.each([
    ['user:password', 'alice:hunter2', 'alice:hunter2'],
    ['a line break behind it', 'alice:hunter2\n', 'alice:hunter2'],
    ['colons in the password', 'alice:a:b', 'alice:a:b'],
    ['a domain and other alphabets', 'CORP\\zoë:pässwörd', 'CORP\\zoë:pässwörd'],
  ])('is written as Basic credentials: %s', (_case, value, login) => {
    const basic = `Basic ${Buffer.from(login).toString('base64')}`
    expect(formatProxyLogin(new Secret(value))).toEqual({ ok: true, value: basic })
  })

  it.each([
    '',
    'alice',
    ':password',
    'alice:',
    'alice:a\nb',
    'alice:a\r\nX: y',
    'al\0ice:a',
    'a:b\n\n',
  ])('is refused, unquoted: %j', (value) => {
    const formatted = formatProxyLogin(new Secret(value))
    expect(formatted).toEqual({
      ok: false,
      error: { problem: 'it is not user:password on one line' },
    })
  })

  it('is one visible word whatever the value is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const formatted = formatProxyLogin(new Secret(value))
        if (formatted.ok) expect(formatted.value).toMatch(/^Basic [A-Za-z0-9+/]+=*$/)
      }),
    )
  })
})
