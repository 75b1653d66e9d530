import { expect, it } from 'vitest'
import { parseRetryAfter } from './retry-after.ts'

it.each([
  ['120', 120],
  ['0', 0],
  ['Thu, 01 Jan 1970 00:02:00 GMT', 120],
  ['Thu, 01 Jan 1960 00:02:00 GMT', 0],
  ['-1', undefined],
  ['soon', undefined],
  ['1e9', undefined],
  ['9999999999', undefined],
])('Retry-After: %s means %s seconds', (text, seconds) => {
  expect(parseRetryAfter(text, 0)).toBe(seconds)
})
