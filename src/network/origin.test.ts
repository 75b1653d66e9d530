import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostProblem, parseOrigin } from './origin.ts'

const PUBLIC_ONLY = { allowPrivate: false }
const NEAR = { allowPrivate: true }

describe('an origin', () => {
  it.each([
    ['https://api.stripe.com', { protocol: 'https:', hostname: 'api.stripe.com', port: 443 }],
    ['https://api.stripe.com:8443', { protocol: 'https:', hostname: 'api.stripe.com', port: 8443 }],
    ['https://8.8.8.8', { protocol: 'https:', hostname: '8.8.8.8', port: 443 }],
    [
      'https://[2606:4700::1111]:443',
      { protocol: 'https:', hostname: '2606:4700::1111', port: 443 },
    ],
    [
      'https://xn--bcher-kva.example',
      { protocol: 'https:', hostname: 'xn--bcher-kva.example', port: 443 },
    ],
    ['http://api.example.com', { protocol: 'http:', hostname: 'api.example.com', port: 80 }],
  ])('%s is read', (text, value) => {
    expect(parseOrigin(text, PUBLIC_ONLY)).toEqual({ ok: true, value })
  })

  it.each([
    'https://localhost:9443',
    'https://127.0.0.1:9443',
    'https://[::1]:9443',
    'https://gateway',
    'https://10.0.0.1',
    'https://vault.internal',
  ])('%s needs the operator’s permission', (text) => {
    expect(parseOrigin(text, PUBLIC_ONLY)).toMatchObject({ ok: false })
    expect(parseOrigin(text, NEAR)).toMatchObject({ ok: true })
  })

  it.each([
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0x7f.1',
    '127.0.0.1.',
    '169.254.169.254.',
    '00000127.0.0.1',
    '127.0.0.0x1',
    '1.2.3.4.5',
    '256.0.0.1',
    '0x',
    '0',
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '168.63.129.16',
    '100.100.100.200',
    '0.0.0.0',
    '192.0.2.1',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.0.192',
    '169.254.170.2',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::7f00:1]',
    '[::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fd00:ec2::254]',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::0001]',
    '[FD00:EC2::254]',
    '[2001:DB8::1]',
    '[ff02::1]',
    '[::1',
    '::1',
    '[]',
    '[1.2.3.4]',
    '[api.stripe.com]',
    'api.stripe.com.',
    '.api.stripe.com',
    'api..stripe.com',
    'API.stripe.com',
    'api.stripe.com%2eevil.example',
    'api.stripe.com%00.evil.example',
    '%31%32%37.0.0.1',
    'ａpi.stripe.com',
    '①②⑦.0.0.1',
    '127。0。0。1',
    'bücher.example',
    'user@api.stripe.com',
    'user:pass@api.stripe.com',
    'api.stripe.com:',
    'api.stripe.com:0',
    'api.stripe.com:65536',
    'api.stripe.com:443:80',
    'api.stripe.com:0x1bb',
    'api.stripe.com/',
    'api.stripe.com/v1',
    'api.stripe.com?x',
    'api.stripe.com#x',
    'api.stripe.com\\evil',
    'api.stripe.com ',
    ' api.stripe.com',
    'api.stripe.com\n',
    'api\tstripe.com',
    'evil.example#@api.stripe.com',
    '*.stripe.com',
    '-api.stripe.com',
    'api-.stripe.com',
    `${'a'.repeat(64)}.com`,
    'a.'.repeat(127) + 'com',
    '',
  ])('CE-08 https://%s is refused, whatever the operator permits', (host) => {
    expect(parseOrigin(`https://${host}`, NEAR)).toMatchObject({ ok: false })
  })

  it.each([
    'unix:/var/run/docker.sock',
    'gopher://127.0.0.1:6379/_INFO',
    'file:///etc/passwd',
    'ftp://example.com',
    'ws://example.com',
    'data:text/plain,x',
    'javascript:alert(1)',
    'HTTPS://api.stripe.com',
    '//api.stripe.com',
    'api.stripe.com',
    'https:api.stripe.com',
    'https:/api.stripe.com',
    'https:///api.stripe.com',
    'https:\\\\api.stripe.com',
    'jar:https://x!/y',
    'https://',
    '',
  ])('CE-08 %s is refused', (text) => {
    expect(parseOrigin(text, NEAR)).toMatchObject({ ok: false })
  })

  it.each([
    'localhost',
    'foo.localhost',
    'metadata.google.internal',
    'printer.local',
    'router.home.arpa',
    'kubernetes',
    'metadata',
  ])('CE-08 https://%s is refused without permission', (host) => {
    expect(parseOrigin(`https://${host}`, PUBLIC_ONLY)).toEqual({
      ok: false,
      error: { problem: 'the host is not on the public internet' },
    })
  })

  it('CE-12 is never quoted in what is wrong with it', () => {
    const parsed = parseOrigin('https://user:canary@api.stripe.com', NEAR)
    expect(JSON.stringify(parsed)).not.toContain('canary')
  })

  it('never throws, and what it accepts a URL parser spells the same', () => {
    const texts = fc.oneof(
      fc.webUrl(),
      fc.string(),
      fc.tuple(fc.constantFrom('http://', 'https://'), fc.string()).map((p) => p.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseOrigin(text, NEAR)
        if (!parsed.ok) return
        const url = new URL(text)
        expect(url.hostname.replace(/^\[|\]$/g, '')).toBe(parsed.value.hostname)
        expect(url.protocol).toBe(parsed.value.protocol)
        expect(Number(url.port || (url.protocol === 'https:' ? 443 : 80))).toBe(parsed.value.port)
      }),
    )
  })
})

it('CE-08 a host with more than 253 characters is none', () => {
  expect(hostProblem(`${'a'.repeat(60)}.`.repeat(5) + 'com')).toMatch(/not a usable name/)
})
