import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../token/token.ts'
import type { AcceptIndex } from './accept.ts'
import { findInTarget } from './slot.ts'

const TOKEN = mintToken('pt', 'live')
const OTHER = mintToken('pt', 'live')

const INDEX: AcceptIndex = {
  headers: new Set(),
  prefixes: new Set(),
  pathSlots: [{ service: {} as never, pattern: '/bot{token}/**' }],
  queryFields: new Set(['key']),
  protocolPrefixes: [],
}

const find = (target: string) => findInTarget(target, INDEX)

describe('findInTarget', () => {
  it.each([
    [`/bot${TOKEN}/sendMessage?x=1`, '/bot-/sendMessage?x=1'],
    [`/telegram/bot${TOKEN}/getMe`, '/telegram/bot-/getMe'],
    [`/v1/x?key=${TOKEN}`, '/v1/x'],
    [`/v1/x?key=${TOKEN}&a=1`, '/v1/x?a=1'],
    [`/v1/x?a=1&key=${TOKEN}`, '/v1/x?a=1'],
    [`/v1/x?a=1&key=${TOKEN}&b=2`, '/v1/x?a=1&b=2'],
  ])('takes the token out of its slot in %s', (target, left) => {
    expect(find(target)).toMatchObject({ kind: 'declared', token: TOKEN, target: left })
  })

  it.each([
    `/v1/${TOKEN}`,
    `/v1/x?token=${TOKEN}`,
    `/v1/x?key=a${TOKEN}`,
    `/v1/x?key=${TOKEN}a`,
    `/v1/x?a=/bot${TOKEN}/x`,
    `/bot${TOKEN}x/y`,
    `/bot${TOKEN}/x?key=${OTHER}`,
    `/bot${TOKEN}/${TOKEN}`,
    `/v1/x?t=${TOKEN.replaceAll('_', '%5f')}`,
    `/v1/x?t=%70${TOKEN.slice(1)}`,
    `http://${TOKEN}@proxy/`,
  ])('calls %s a stray', (target) => {
    expect(find(target)).toEqual({ kind: 'stray' })
  })

  it('finds nothing in a target without one, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (target) => {
        expect(find(target)).toEqual({ kind: 'none' })
      }),
    )
  })
})
