import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aGrant, NOW } from '../../test/support/grants.ts'
import type { Scope } from '../catalog/service.ts'
import type { Agent } from './agent-store.ts'
import { MAX_CHAIN_LENGTH } from './attenuation.ts'
import { cidrCovers, parseCidr } from './cidr.ts'
import type { Bindings, Grant, Limits } from './grant.ts'
import type { GrantContext, GrantRequest } from './plan.ts'
import { planGrant } from './plan.ts'

const NAMES = ['stripe:read', 'stripe:write', 'stripe:refund', 'github:read', 'github:write']
const scopes = new Map<string, Scope>(
  NAMES.map((id) => [id, { id, name: id, risk: 'read', title: '', effects: [] }]),
)
const agent: Agent = {
  id: 'agt_1',
  name: 'order-processing-agent',
  owner: undefined,
  generation: 3,
  disabledAt: undefined,
  createdAt: NOW,
}
const context: GrantContext = {
  id: 'tok_new',
  scopes,
  agent,
  issuedBy: 'alice',
  defaults: { defaultTtlSeconds: 3600, maxTtlSeconds: 86_400 },
  now: NOW,
}

describe('planGrant', () => {
  it('makes a grant of a request', () => {
    expect(planGrant({ scopes: 'stripe:write,stripe:read', ttlSeconds: 14_400 }, context)).toEqual({
      ok: true,
      value: {
        id: 'tok_new',
        agent: 'order-processing-agent',
        agentGeneration: 3,
        scopes: new Set(['stripe:write', 'stripe:read']),
        services: ['stripe'],
        chain: [],
        issuedBy: 'alice',
        issuedAt: NOW,
        expiresAt: NOW + 14_400_000,
        bindings: {},
        limits: {},
      },
    })
  })

  it('gives the default lifetime, never above the longest one', () => {
    const defaults = { defaultTtlSeconds: 7200, maxTtlSeconds: 600 }
    const planned = planGrant({ scopes: 'stripe:read' }, { ...context, defaults })
    expect(planned).toMatchObject({ value: { expiresAt: NOW + 600_000 } })
  })

  it('AD-03 takes no field that it does not know', () => {
    const request = JSON.parse(
      '{"scopes":"stripe:read","issuedBy":"root","limits":{"__proto__":{"x":1},"admin":true},' +
        '"bindings":{"admin":true}}',
    ) as GrantRequest
    const planned = planGrant(request, context)
    expect(planned).toMatchObject({ ok: true, value: { issuedBy: 'alice' } })
    expect(planned.ok && [planned.value.limits, planned.value.bindings]).toEqual([{}, {}])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it.each<[string, Partial<GrantRequest>, Partial<GrantContext>, string]>([
    ['an unknown scope', { scopes: 'stripe:raed' }, {}, 'scopes'],
    ['no lifetime', { ttlSeconds: 0 }, {}, 'ttl'],
    ['a negative lifetime', { ttlSeconds: -1 }, {}, 'ttl'],
    ['a broken lifetime', { ttlSeconds: 1.5 }, {}, 'ttl'],
    ['an endless lifetime', { ttlSeconds: Infinity }, {}, 'ttl'],
    ['NaN for a lifetime', { ttlSeconds: NaN }, {}, 'ttl'],
    ['too long a lifetime', { ttlSeconds: 86_401 }, {}, 'ttl'],
    ['an unreadable range', { bindings: { cidr: ['10.0.0.1/8'] } }, {}, 'bindings'],
    ['no requests at all', { limits: { maxRequests: 0 } }, {}, 'limits'],
    ['a disabled agent', {}, { agent: { ...agent, disabledAt: NOW } }, 'agent'],
    ['a strange agent name', {}, { agent: { ...agent, name: '<img onerror>' } }, 'agent'],
    ['an expired parent', {}, { parent: aGrant({ expiresAt: NOW }) }, 'parent'],
    [
      'too deep a chain',
      {},
      { parent: aGrant({ chain: Array.from({ length: MAX_CHAIN_LENGTH }, () => 'tok_x') }) },
      'parent',
    ],
    ['a scope the parent lacks', { scopes: 'stripe:refund' }, { parent: aGrant() }, 'scopes'],
    ['outliving the parent', { ttlSeconds: 3541 }, { parent: aGrant() }, 'ttl'],
    [
      'another key than the parent',
      { bindings: { dpop: 'B'.repeat(42) + 'A' } },
      { parent: aGrant({ bindings: { dpop: 'A'.repeat(43) } }) },
      'bindings',
    ],
    [
      'a wider range than the parent',
      { bindings: { cidr: ['0.0.0.0/0'] } },
      { parent: aGrant({ bindings: { cidr: ['10.0.0.0/8'] } }) },
      'bindings',
    ],
    [
      'more requests than the parent',
      { limits: { maxRequests: 11 } },
      { parent: aGrant({ limits: { maxRequests: 10 } }) },
      'limits',
    ],
  ])('DL-04 refuses %s', (...row) => {
    const [, request, extra, field] = row
    const planned = planGrant({ scopes: 'stripe:read', ...request }, { ...context, ...extra })
    expect(planned).toMatchObject({ ok: false, error: { field } })
  })

  it('keeps a binding that only the child asks for', () => {
    const parent = aGrant({ bindings: { firstUse: false } })
    const planned = planGrant(
      { scopes: 'stripe:read', bindings: { firstUse: true } },
      { ...context, parent },
    )
    expect(planned).toMatchObject({ value: { bindings: { firstUse: true } } })
  })

  it('inherits what the child leaves open', () => {
    const parent = aGrant({
      id: 'tok_parent',
      chain: ['tok_root'],
      bindings: { cidr: ['10.0.0.0/8'], firstUse: true },
      limits: { maxRequests: 10, ratePerSecond: 2 },
    })
    expect(planGrant({ scopes: 'stripe:read' }, { ...context, parent })).toMatchObject({
      value: {
        chain: ['tok_root', 'tok_parent'],
        expiresAt: parent.expiresAt,
        bindings: parent.bindings,
        limits: parent.limits,
      },
    })
  })
})

const range = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.3/32', '::/0')
const bindings = fc.record(
  {
    cidr: fc.array(range, { minLength: 1, maxLength: 3 }),
    dpop: fc.constantFrom('A'.repeat(43), 'E'.repeat(43)),
    firstUse: fc.boolean(),
  },
  { requiredKeys: [] },
)
const limits = fc.record(
  { maxRequests: fc.integer({ min: 1, max: 20 }), ratePerSecond: fc.integer({ min: 1, max: 9 }) },
  { requiredKeys: [] },
)
const request = fc.record(
  {
    scopes: fc.subarray(NAMES, { minLength: 1 }),
    ttlSeconds: fc.integer({ min: 1, max: 90_000 }),
    bindings,
    limits,
  },
  { requiredKeys: ['scopes'] },
)

describe('DL-01 a child', () => {
  it('is never wider, longer-lived or less tightly bound than its parent, in any tree', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 2, maxLength: 10 }), (requests) => {
        let parent: Grant | undefined
        for (const [depth, wanted] of requests.entries()) {
          const id = `tok_${depth}`
          const planned = planGrant(wanted, { ...context, id, ...(parent ? { parent } : {}) })
          if (!planned.ok) continue
          if (parent) expectWithin(planned.value, parent)
          parent = planned.value
        }
      }),
      { numRuns: 2000 },
    )
  })
})

function expectWithin(child: Grant, parent: Grant): void {
  expect([...child.scopes].every((scope) => parent.scopes.has(scope))).toBe(true)
  expect(child.expiresAt).toBeLessThanOrEqual(parent.expiresAt)
  expect(child.chain).toEqual([...parent.chain, parent.id])
  expect(child.chain.length).toBeLessThanOrEqual(MAX_CHAIN_LENGTH)
  expectBoundWithin(child.bindings, parent.bindings)
  expectLimitedWithin(child.limits, parent.limits)
}

function expectBoundWithin(child: Bindings, parent: Bindings): void {
  if (parent.dpop !== undefined) expect(child.dpop).toBe(parent.dpop)
  if (parent.firstUse) expect(child.firstUse).toBe(true)
  if (!parent.cidr) return
  const outer = parent.cidr.map((text) => parseCidr(text)!)
  for (const text of child.cidr ?? ['missing']) {
    const inner = parseCidr(text)!
    expect(outer.some((cover) => cidrCovers(cover, inner))).toBe(true)
  }
}

function expectLimitedWithin(child: Limits, parent: Limits): void {
  expect(child.maxRequests ?? Infinity).toBeLessThanOrEqual(parent.maxRequests ?? Infinity)
  expect(child.ratePerSecond ?? Infinity).toBeLessThanOrEqual(parent.ratePerSecond ?? Infinity)
}
