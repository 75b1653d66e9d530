import { describe, expect, it } from 'vitest'
import { aGrant, anAccess, NOW } from '../../test/support/grants.ts'
import type { Risk, Scope } from '../catalog/service.ts'
import { decide, refuseDead, worstRisk } from './decide.ts'

const scope = (id: string, risk: Risk): [string, Scope] => [
  id,
  { id, name: id, risk, title: '', effects: [] },
]
const scopes = new Map([
  scope('stripe:read', 'read'),
  scope('stripe:write', 'write'),
  scope('stripe:refund', 'money'),
])
const facts = { now: NOW, scopes }

describe('decide', () => {
  it('allows an access whose scopes the grant holds', () => {
    const grant = aGrant()
    expect(decide(grant, anAccess(), facts)).toEqual({ ok: true, value: grant })
  })

  it.each([
    ['a revoked grant', { ...aGrant(), revokedAt: NOW }, {}, 'token_revoked'],
    ['TK-07 a grant at its expiry', aGrant({ expiresAt: NOW }), {}, 'token_expired'],
    ['a grant that expires at NaN', aGrant({ expiresAt: NaN }), {}, 'token_expired'],
    [
      'a source out of range',
      aGrant({ bindings: { cidr: ['10.0.0.0/8'] } }),
      { source: '11.0.0.1' },
      'binding_mismatch',
    ],
    ['a service outside the grant', aGrant(), { service: 'github' }, 'service_not_granted'],
    ['a missing scope', aGrant(), { scopes: ['stripe:refund'] }, 'scope_missing'],
    [
      'one missing of several',
      aGrant(),
      { scopes: ['stripe:write', 'stripe:refund'] },
      'scope_missing',
    ],
    ['a grant without scopes', aGrant({ scopes: new Set() }), {}, 'scope_missing'],
    ['an access that needs nothing', aGrant(), { scopes: [] }, 'operation_unknown'],
  ])('refuses %s', (...row) => {
    const [, grant, access, reason] = row
    expect(decide(grant, anAccess(access), facts)).toMatchObject({ ok: false, error: { reason } })
  })

  it('TK-07 allows one second before expiry and refuses at it, without any skew', () => {
    const grant = aGrant({ expiresAt: NOW + 1000 })
    expect(decide(grant, anAccess(), facts).ok).toBe(true)
    expect(decide(grant, anAccess(), { now: NOW + 999, scopes }).ok).toBe(true)
    expect(decide(grant, anAccess(), { now: NOW + 1000, scopes }).ok).toBe(false)
  })

  it('names all missing scopes and the worst risk', () => {
    const access = anAccess({ scopes: ['stripe:read', 'stripe:refund', 'stripe:write'] })
    expect(decide(aGrant({ scopes: new Set(['stripe:read']) }), access, facts)).toEqual({
      ok: false,
      error: {
        reason: 'scope_missing',
        missing: ['stripe:refund', 'stripe:write'],
        risk: 'money',
      },
    })
  })

  it('TK-03 judges a dead grant before anything else about it', () => {
    const grant = { ...aGrant({ scopes: new Set(), expiresAt: 0 }), revokedAt: 1 }
    expect(decide(grant, anAccess({ service: 'github' }), facts)).toMatchObject({
      error: { reason: 'token_revoked' },
    })
  })
})

it('refuseDead says nothing about a live grant', () => {
  expect(refuseDead(aGrant(), NOW)).toBeUndefined()
})

it('worstRisk takes an unknown scope for the worst', () => {
  expect(worstRisk(['stripe:read'], scopes)).toBe('read')
  expect(worstRisk(['stripe:read', 'stripe:new'], scopes)).toBe('secrets')
})
