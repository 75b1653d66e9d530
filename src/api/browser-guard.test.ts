import { describe, expect, it } from 'vitest'
import { createBrowserGuard } from './browser-guard.ts'

const guard = createBrowserGuard({ listenHost: '192.0.2.7', names: ['control.example'] })
const verdict = (headers: Record<string, string>, check = guard) => {
  const checked = check(new Headers(headers))
  return checked.ok ? 'served' : checked.error.code
}

describe('the browser guard', () => {
  it.each([
    'localhost',
    'localhost:8901',
    'LOCALHOST:8901',
    '127.0.0.1:8901',
    '[::1]:8901',
    '192.0.2.7:8901',
    'control.example',
    'Control.Example:443',
  ])('serves Host %s', (host) => {
    expect(verdict({ host })).toBe('served')
  })

  it.each([
    '',
    'evil.example',
    'evil.example:8901',
    'localhost.evil.example',
    'localhost:8901:80',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    '10.0.0.1:8901',
    'localhost.',
    'localhost@evil.example',
  ])('AD-01 refuses Host "%s", which rebinding would bring', (host) => {
    expect(verdict({ host })).toBe('host_forbidden')
  })

  it('serves any address, and still no foreign name, when it listens on all of them', () => {
    const open = createBrowserGuard({ listenHost: '0.0.0.0', names: [] })
    expect(verdict({ host: '10.1.2.3:8901' }, open)).toBe('served')
    expect(verdict({ host: '[2001:db8::1]:8901' }, open)).toBe('served')
    expect(verdict({ host: 'evil.example' }, open)).toBe('host_forbidden')
  })

  it.each([
    ['http://evil.example', undefined],
    ['null', undefined],
    ['http://localhost:3000', undefined],
    ['http://localhost', undefined],
    ['garbage', undefined],
    [undefined, 'cross-site'],
    [undefined, 'same-site'],
  ])('AD-01 refuses a page with Origin %s and Sec-Fetch-Site %s', (origin, site) => {
    const headers = {
      host: 'localhost:8901',
      ...(origin === undefined ? {} : { origin }),
      ...(site === undefined ? {} : { 'sec-fetch-site': site }),
    }
    expect(verdict(headers)).toBe('origin_forbidden')
  })

  it('serves a page of its own', () => {
    const origin = 'http://localhost:8901'
    expect(verdict({ host: 'localhost:8901', origin, 'sec-fetch-site': 'same-origin' })).toBe(
      'served',
    )
  })
})
