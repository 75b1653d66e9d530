import { expect, it } from 'vitest'
import { aCoverage, anActivity } from '../../test/support/activities.ts'
import { usageReport } from './usage.ts'

const coverage = aCoverage()

it('sums up calls, refusals, bytes, tokens of models and money by agent and service', () => {
  const { rows, total } = usageReport({
    ...{ coverage, by: ['agent', 'service'] },
    activities: [
      anActivity({ count: 3, failed: 1, usage: { amounts: { eur: 100 } } }),
      anActivity({ count: 4, rule: 'GET /v1/**', usage: { amounts: { eur: 50, jpy: 7 } } }),
      anActivity({ count: 2, decision: 'deny', reason: 'scope_missing', failed: 2 }),
      anActivity({
        ...{ agent: 'writer', service: 'openai', count: 9 },
        usage: { inputTokens: 1000, outputTokens: 20 },
      }),
    ],
  })
  expect(rows.items.map(({ keys, calls }) => [keys, calls])).toEqual([
    [['writer', 'openai'], 9],
    [['order-processing-agent', 'stripe'], 7],
  ])
  expect(rows.items[1]).toMatchObject({ failed: 1, refused: 2, amounts: { eur: 150, jpy: 7 } })
  expect(total).toMatchObject({
    ...{ calls: 16, refused: 2, inputTokens: 1000, outputTokens: 20, requestBytes: 2000 },
  })
})

it('keeps currencies whose codes are names of Object.prototype apart from it', () => {
  const amounts = JSON.parse('{"__proto__": 5}') as Record<string, number>
  const activities = [anActivity({ usage: { amounts } })]
  const { total } = usageReport({ coverage, by: ['token'], activities })
  expect(Object.entries(total.amounts)).toEqual([['__proto__', 5]])
})

it('has an empty key for what came to nothing that has a name, and no rows of nothing', () => {
  const refusal = anActivity({
    decision: 'deny',
    service: undefined,
    rule: undefined,
    method: 'GET',
  })
  const by = ['service', 'operation'] as const
  expect(usageReport({ coverage, by, activities: [refusal] }).rows.items[0]?.keys).toEqual([
    '',
    'GET',
  ])
  expect(usageReport({ coverage, by, activities: [] })).toMatchObject({
    rows: { items: [], total: 0 },
    total: { calls: 0, amounts: {} },
  })
})

it('adds up more rows than a function takes arguments', () => {
  const activities = Array.from({ length: 300_000 }, () => anActivity({ count: 1 }))
  const { rows } = usageReport({ coverage, by: ['agent'], activities })
  expect(rows.items).toMatchObject([{ calls: 300_000, lastAt: anActivity().lastAt }])
})
