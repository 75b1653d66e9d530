/** Builders for grants and accesses: plain values, each field to be overridden by name. */

import type { Access } from '../../src/policy/access.ts'
import type { Grant } from '../../src/policy/grant.ts'

/** The instant that tests call now. */
export const NOW = Date.UTC(2026, 10, 20, 12, 0, 0)

/** A live grant of order-processing-agent for stripe:read and stripe:write, one hour long. */
export function aGrant(overrides: Partial<Grant> = {}): Grant {
  return {
    id: 'tok_00000000000000000001',
    agent: 'order-processing-agent',
    agentGeneration: 1,
    scopes: new Set(['stripe:read', 'stripe:write']),
    services: ['stripe'],
    chain: [],
    issuedBy: 'alice',
    issuedAt: NOW - 60_000,
    expiresAt: NOW + 3_540_000,
    bindings: {},
    limits: {},
    ...overrides,
  }
}

/** `POST /v1/charges` at Stripe from loopback, which needs stripe:write. */
export function anAccess(overrides: Partial<Access> = {}): Access {
  return {
    requestId: 'req_00000000000000000000000000000001',
    receivedAt: NOW,
    service: 'stripe',
    host: 'api.stripe.com',
    method: 'POST',
    path: '/v1/charges',
    rule: 'POST /v1/charges',
    scopes: ['stripe:write'],
    credential: 'stripe',
    origin: 'https://api.stripe.com',
    source: '127.0.0.1',
    ...overrides,
  }
}
