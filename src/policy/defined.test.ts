import { expect, it } from 'vitest'
import { defined } from './defined.ts'

it('keeps every value but undefined', () => {
  const value = defined({ a: 0, b: '', c: false, d: undefined, e: [] })
  expect(Object.keys(value)).toEqual(['a', 'b', 'c', 'e'])
})
