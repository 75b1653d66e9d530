import { expect, it } from 'vitest'
import { coverageOf } from './coverage.ts'

const WINDOW = { since: 1000, until: 5000 }
const EMPTY = { records: 5, newestAt: 4000, behindBytes: 0, isRebuilding: false }
const UP_TO_DATE = { ...EMPTY, oldestAt: 900 }

it('is complete when the index is up to date and the history goes back far enough', () => {
  expect(coverageOf(WINDOW, { ...UP_TO_DATE, retiredBefore: 900 })).toEqual({
    ...WINDOW,
    historyFrom: 900,
    indexedTo: 4000,
    isComplete: true,
    gaps: [],
  })
})

it('is complete where there was nothing before the first record of all', () => {
  const { isComplete, historyFrom } = coverageOf(WINDOW, { ...EMPTY, oldestAt: 2000 })
  expect({ isComplete, historyFrom }).toEqual({ isComplete: true, historyFrom: 2000 })
})

it.each([
  ['lags behind', /3 KiB behind/, { ...UP_TO_DATE, behindBytes: 3000 }],
  ['is being rebuilt', /being rebuilt/, { ...UP_TO_DATE, isRebuilding: true }],
  ['stands still', /the disk is full/, { ...UP_TO_DATE, problem: 'the disk is full' }],
  [
    'was cut by retention, be it in one log of several',
    /before 1970-01-01 00:00Z/,
    { ...UP_TO_DATE, retiredBefore: 2000 },
  ],
  ['is empty', /no records/, EMPTY],
  [
    'lost its beginning',
    /^Records 1 to 131 of local before 1970-01-01 00:00Z are missing, and no retirement says so/,
    { ...UP_TO_DATE, missing: [{ writer: 'local', first: 1, last: 131, before: 1001 }] },
  ],
])('says what is missing where the audit %s', (_what, words, status) => {
  const { isComplete, gaps } = coverageOf(WINDOW, status)
  expect(isComplete).toBe(false)
  expect(gaps).toEqual([expect.stringMatching(words)])
})

it('says nothing of missing records from another time', () => {
  const missing = [
    { writer: 'local', first: 1, last: 9, before: 1000 },
    { writer: 'local', first: 20, last: 29, after: 5000 },
  ]
  expect(coverageOf(WINDOW, { ...UP_TO_DATE, missing }).gaps).toEqual([])
})
