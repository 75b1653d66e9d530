import { describe, expect, it } from 'vitest'
import { AUDIT_KEY } from '../../test/support/audit.ts'
import { redactPath } from './path.ts'

const redact = (path: string, patterns: readonly string[] = []) =>
  redactPath(path, { key: AUDIT_KEY, patterns })

const HIDDEN = /\[redacted:\d+:[0-9a-f]{16}\]/

describe('a path that names what was done', () => {
  it.each([
    '/',
    '/v1/charges/ch_3MmlLrLkdIwHu7ix0snN0B15/capture',
    '/v1/customers/cus_NffrFeUfNV2Hib',
    '/repos/acme-corp/k8s-infra2go/git/refs/heads/main',
    '/repos/octo/hello.world/commits/6dcb09b5b57875f334f61aebed695e2e4193db5e',
    '/api/chat.postMessage',
    '/v1/pages/59833787-2cf9-4fdf-8782-e53db20768a5',
    '/v1/blocks/598337872cf94fdf8782e53db20768a5/children',
    '/api/v10/guilds/613425648685547541/members/@me',
    '/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json',
    '/v4/spreadsheets/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms:batchUpdate',
    '/gmail/v1/users/me/messages/18c2f5a7b3d4e6f0',
    '/drive/v3/files/0B7_abcdefghijklmnopqrstuvwx'.slice(0, 44),
    '/conversations/C012AB3CD/',
  ])('stays readable: %s', (path) => {
    expect(redact(path)).toBe(path)
  })
})

describe('AU-05 a path that holds what should not be read', () => {
  it.each([
    ['one of our tokens', '/v1/pt_live_0123456789ABCDEFGHIJabcdefghij4fK2xQ/x'],
    ['one of our tokens behind letters', '/botpt_live_0123456789ABCDEFGHIJabcdefghij4fK2xQ/send'],
    ['a real key', '/v1/charges/sk_live_51HcanaryCANARY'],
    ['characters of chance', '/v1/q8Zr2Lw0Vb7Nn3Kd5Xf9Qa1Ws2Ed3Rf4'],
    ['a canary', '/v1/customers/CANARY-7d9f8e7c6b5a4f3e2d1c0b9a'],
    ['a mail address', '/calendar/v3/calendars/jane@example.com/events'],
    ['an escaped mail address', '/calendars/jane%40example.com/events'],
    ['an escaped token', '/v1/%70t_live_0123456789ABCDEFGHIJabcdefghij4fK2xQ'],
    ['text', '/v1/search/who%20owes%20us'],
    ['control characters', '/v1/a\nb\u001b[2J'],
  ])('does not show %s', (_case, path) => {
    const kept = redact(path)
    expect(kept).toMatch(HIDDEN)
    const secret = path.split('/').find((segment) => !kept.split('/').includes(segment)) ?? ''
    expect(kept).not.toContain(secret.slice(0, 12))
    expect(kept.split('/')).toHaveLength(path.split('/').length)
  })

  it('hides the slots that the service names, wherever the pattern begins', () => {
    const patterns = ['/webhooks/*/{token}', '/interactions/*/{token}', '/bot{token}/*']
    expect(redact('/api/v10/webhooks/123/plain/messages', patterns)).toMatch(
      /^\/api\/v10\/webhooks\/123\/\[redacted:5:\w{16}\]\/messages$/,
    )
    expect(redact('/webhooks/123', patterns)).toBe('/webhooks/123')
    expect(redact('/botplain/sendMessage', patterns)).toMatch(
      /^\/\[redacted:8:\w{16}\]\/sendMessage$/,
    )
  })

  it('hides the same in the same way', () => {
    const [first, second, third] = ['/x/a@b.c', '/y/a@b.c', '/x/a@b.d'].map((path) =>
      redact(path).slice(3),
    )
    expect(first).toBe(second)
    expect(first).not.toBe(third)
  })
})

describe('AU-04 a long path', () => {
  it('is cut between segments, and says how much is missing', () => {
    const kept = redact(`/${'abc/'.repeat(20)}${'word-'.repeat(5000)}`)
    expect(kept).toBe(`/${'abc/'.repeat(20)}[+25001]`)
  })

  it('of many segments is one digest after the first ones', () => {
    const kept = redact('/%'.repeat(1000))
    expect(kept.length).toBeLessThan(3000)
    expect(kept.split('/')).toHaveLength(65)
  })
})
