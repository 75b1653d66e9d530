import picocolors from 'picocolors'
import { describe, expect, it } from 'vitest'
import type { BlastRadius, CalledOperation, ReportedScope } from '../../sdk/src/client.ts'
import { aHostileReport } from '../../test/support/hostile-report.ts'
import { scopeSections } from './report-scopes.ts'

const BASE = aHostileReport('agent')

const aCall = (call: Partial<CalledOperation>): CalledOperation => ({
  ...BASE.called.items[0]!,
  ...{ service: 'stripe', scopes: ['stripe:write'], risk: 'write' },
  ...call,
})

const aScope = (scope: Partial<ReportedScope>): ReportedScope => ({
  ...BASE.scopes[0]!,
  ...{ scope: 'stripe:write', service: 'stripe', risk: 'write', title: 'Create and change' },
  ...scope,
})

const listed = <T>(...items: T[]) => ({ items, total: items.length })
const paths = (count: number) => Array.from({ length: count }, (_, index) => `POST /v1/p${index}`)

const linesOf = (report: Partial<BlastRadius>, columns = 80) => {
  const paper = { columns, colors: picocolors.createColors(false) }
  return scopeSections(paper, { ...BASE, ...report })
    .join('\n')
    .split('\n')
}

describe('scopes as text', () => {
  it('have their operations with risk and count: called ones first, then the others', () => {
    const called = listed(
      aCall({ operation: 'POST /v1/charges', calls: 2 }),
      aCall({ operation: 'POST /v1/orders', calls: 40 }),
      aCall({ operation: 'POST /v1/charges', calls: 3, agent: 'below' }),
      aCall({ operation: 'GET /v1/**', calls: 900, scopes: ['stripe:read'], risk: 'read' }),
      aCall({
        ...{ operation: 'POST /v1/customers/*', calls: 1, risk: 'money' },
        scopes: ['stripe:write', 'stripe:refund'],
      }),
    )
    const unused = listed('POST /v1/prices/**', 'POST /v1/coupons/**')
    const scopes = [aScope({ calls: 46, operations: 5, unused })]
    expect(linesOf({ called, scopes })).toEqual([
      ...['', 'Granted and used'],
      '  risk   calls  used    scope, and its operations',
      '  write     46  3 of 5  stripe:write  Create and change',
      '  money      1            POST /v1/customers/*',
      '  write     40            POST /v1/orders',
      '  write      5            POST /v1/charges',
      '  write                   POST /v1/prices/**',
      '  write                   POST /v1/coupons/**',
    ])
  })

  it('say how much they leave out, also where the answer itself left something out', () => {
    const unused = { items: paths(30), total: 2000 }
    const scopes = [aScope({ calls: 0, operations: 2000, unused })]
    const lines = linesOf({ called: listed(), scopes })
    expect(lines.slice(0, 2)).toEqual(['', 'Granted and never used in this window'])
    expect(lines.filter((line) => line.includes('POST /v1/p'))).toHaveLength(10)
    expect(lines.at(-1)?.trim()).toBe('... and 1990 more: --format json')
  })

  it('leave nothing out where it all has room', () => {
    const scopes = [aScope({ calls: 0, operations: 10, unused: listed(...paths(10)) })]
    expect(linesOf({ called: listed(), scopes }).join('\n')).not.toContain('more')
  })

  it.each([60, 80, 120])('fit into %i columns', (columns) => {
    const long = `POST /v1/${'long/'.repeat(60)}`
    const called = listed(aCall({ operation: long, calls: 1_000_000 }))
    const scopes = [
      aScope({ title: long, calls: 1, operations: 30, unused: { items: paths(20), total: 29 } }),
    ]
    const lines = linesOf({ called, scopes }, columns)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
    expect(lines.filter((line) => line.includes('…'))).toHaveLength(2)
  })
})
