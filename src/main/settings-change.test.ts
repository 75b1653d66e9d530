import { expect, it } from 'vitest'
import { changedSettings, isEmpty } from './settings-change.ts'

const facts = (members: Record<string, string>) => new Map(Object.entries(members))

it('says nothing when nothing changed', () => {
  const change = changedSettings(facts({ a: '1' }), facts({ a: '1' }))
  expect(isEmpty(change)).toBe(true)
})

it('names what was added, what is gone and what is another now', () => {
  const change = changedSettings(facts({ a: '1', b: '2' }), facts({ b: '3', c: '4' }))
  expect(change).toEqual({
    settings: { a: { before: '1' }, b: { before: '2', after: '3' }, c: { after: '4' } },
  })
})

it('keeps within what a record has room for, and says how much it left out', () => {
  const many = Array.from({ length: 100 }, (_, index) => [`s${index}`, 'x'.repeat(5000)] as const)
  const change = changedSettings(new Map(), new Map(many))
  expect(change.more).toBe(60)
  expect(JSON.stringify(change).length).toBeLessThan(16_384)
})

it('shows of long texts where they begin to differ', () => {
  const common = 'x'.repeat(500)
  const { settings } = changedSettings(facts({ a: `${common}old` }), facts({ a: `${common}new` }))
  expect(settings).toEqual({ a: { before: '...old', after: '...new' } })
})
