import { expect, it } from 'vitest'
import { coverageOf } from './coverage.ts'

const WINDOW = { since: 1000, until: 5000 }
const UP_TO_DATE = { records: 5, newestAt: 4000, behindBytes: 0, isRebuilding: false }

it('is complete when the index is up to date and the history goes back far enough', () => {
  expect(coverageOf(WINDOW, UP_TO_DATE, 900)).toEqual({
    ...WINDOW,
    historyFrom: 900,
    indexedTo: 4000,
    isComplete: true,
    gaps: [],
  })
})

it.each([
  ['lags behind', /3 KiB behind/, { status: { ...UP_TO_DATE, behindBytes: 3000 }, from: 900 }],
  [
    'is being rebuilt',
    /being rebuilt/,
    { status: { ...UP_TO_DATE, isRebuilding: true }, from: 900 },
  ],
  [
    'stands still',
    /the disk is full/,
    { status: { ...UP_TO_DATE, problem: 'the disk is full' }, from: 900 },
  ],
  ['begins within the window', /begins at 1970-01-01 00:00Z/, { status: UP_TO_DATE, from: 2000 }],
  ['is empty', /no records/, { status: UP_TO_DATE, from: undefined }],
])('says what is missing where the audit %s', (_what, words, { status, from }) => {
  const { isComplete, gaps } = coverageOf(WINDOW, status, from)
  expect(isComplete).toBe(false)
  expect(gaps).toEqual([expect.stringMatching(words)])
})
