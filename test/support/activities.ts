/** Rows of activity as reports get them: plain values, each field to be overridden by name. */

import type { Activity } from '../../src/audit/audit-index.ts'
import { coverageOf, type Coverage } from '../../src/insight/coverage.ts'
import { NOW } from './grants.ts'

const DAY = 86_400_000

/** Five charges of order-processing-agent, the last one a minute ago. */
export function anActivity(overrides: Partial<Activity> = {}): Activity {
  return {
    agent: 'order-processing-agent',
    tokenId: 'tok_00000000000000000001',
    service: 'stripe',
    scopes: ['stripe:write'],
    method: 'POST',
    rule: 'POST /v1/charges',
    decision: 'allow',
    reason: undefined,
    credential: { name: 'stripe', version: '3' },
    count: 5,
    failed: 0,
    firstAt: NOW - DAY,
    lastAt: NOW - 60_000,
    lastSource: '10.1.2.3',
    requestBytes: 500,
    responseBytes: 5000,
    usage: {},
    ...overrides,
  }
}

/** The last 30 days, all of them in the index. */
export function aCoverage(): Coverage {
  const times = { newestAt: NOW, oldestAt: NOW - 100 * DAY }
  const status = { records: 10, ...times, behindBytes: 0, isRebuilding: false }
  return coverageOf({ since: NOW - 30 * DAY, until: NOW }, status)
}
