import { expect, it } from 'vitest'
import { formatCursor, parseCursor } from './audit-cursor.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')

it('keeps the moment that a span before now was counted from', () => {
  const text = formatCursor('Zm9v_-', NOW, { since: '24h' })
  expect(parseCursor(text, NOW + 60_000)).toEqual({ cursor: 'Zm9v_-', askedAt: NOW })
})

it("is the API's own where the question is the same at every moment", () => {
  expect(formatCursor('Zm9v_-', NOW, { month: '2026-11' })).toBe('Zm9v_-')
  expect(parseCursor('Zm9v_-', NOW)).toEqual({ cursor: 'Zm9v_-', askedAt: NOW })
})

it.each(['', 'x.y', '.x', '99999999999999999.x', '1.2.3\n'])(
  'leaves what is wrong with %j to the API',
  (text) => {
    const { cursor, askedAt } = parseCursor(text, NOW)
    expect(text.endsWith(cursor ?? '?')).toBe(true)
    expect(Number.isSafeInteger(askedAt)).toBe(true)
  },
)

it('begins at the beginning without one', () => {
  expect(parseCursor(undefined, NOW)).toEqual({ cursor: undefined, askedAt: NOW })
})
