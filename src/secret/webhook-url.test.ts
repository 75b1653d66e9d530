import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from './secret.ts'
import { parseWebhookUrl, readWebhookUrl } from './webhook-url.ts'

describe('the URL of a webhook', () => {
  it.each([
    ['https://a.example', { protocol: 'https:', hostname: 'a.example', port: 443, path: '/' }],
    ['https://a.example:8443/in?x=%20y', { hostname: 'a.example', port: 8443, path: '/in?x=%20y' }],
    ['https://[2001:db8::1]/in', { hostname: '2001:db8::1', port: 443, path: '/in' }],
    ['http://127.0.0.1:9000/in', { protocol: 'http:', hostname: '127.0.0.1', port: 9000 }],
  ])('%s is read', (text, url) => {
    expect(parseWebhookUrl(text)).toMatchObject(url)
    expect(readWebhookUrl(new Secret(`${text}\n`))).toMatchObject({ ok: true, value: url })
  })

  it.each([
    '',
    'a.example',
    'ftp://a.example/',
    'https://',
    'https://a.example/#part',
    'https://alice:secret@a.example/',
    'https://alice@a.example/',
    'https://A.example/',
    'https://a.example/a/../b',
    'https://a.example/\n',
    'https://a.example/a b',
    'https://a.example\\b',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://127.1/',
    'https://ä.example/',
    'https://a.example:443/',
    'https://a.example:99999/',
    `https://a.example/${'a'.repeat(2048)}`,
  ])('CE-08 %j is refused, unquoted', (text) => {
    expect(parseWebhookUrl(text)).toBeUndefined()
    const read = readWebhookUrl(new Secret(`${text} `))
    expect(read).toEqual({
      ok: false,
      error: { problem: 'it is no URL that begins with https://' },
    })
  })

  it('is never read as anything but what stands there', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true })), (text) => {
        const url = parseWebhookUrl(text)
        if (url) expect(text.startsWith(`${url.protocol}//`)).toBe(true)
        if (url && url.path !== '/') expect(text.endsWith(url.path)).toBe(true)
      }),
    )
  })
})
