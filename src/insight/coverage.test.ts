import { expect, it } from 'vitest'
import { coverageOf } from './coverage.ts'

const WINDOW = { since: 1000, until: 5000 }
const UP_TO_DATE = { records: 5, newestAt: 4000, behindBytes: 0, isRebuilding: false }

it('is complete when the index is up to date and the history goes back far enough', () => {
  expect(coverageOf(WINDOW, UP_TO_DATE, { at: 900, isFirst: false })).toEqual({
    ...WINDOW,
    historyFrom: 900,
    indexedTo: 4000,
    isComplete: true,
    gaps: [],
  })
})

const OLD = { at: 900, isFirst: false }

it('is complete where there was nothing before the first record of all', () => {
  const { isComplete, historyFrom } = coverageOf(WINDOW, UP_TO_DATE, { at: 2000, isFirst: true })
  expect({ isComplete, historyFrom }).toEqual({ isComplete: true, historyFrom: 2000 })
})

it.each([
  ['lags behind', /3 KiB behind/, { status: { ...UP_TO_DATE, behindBytes: 3000 }, from: OLD }],
  [
    'is being rebuilt',
    /being rebuilt/,
    { status: { ...UP_TO_DATE, isRebuilding: true }, from: OLD },
  ],
  [
    'stands still',
    /the disk is full/,
    { status: { ...UP_TO_DATE, problem: 'the disk is full' }, from: OLD },
  ],
  [
    'was cut by retention',
    /before 1970-01-01 00:00Z/,
    { status: UP_TO_DATE, from: { at: 2000, isFirst: false } },
  ],
  ['is empty', /no records/, { status: UP_TO_DATE, from: undefined }],
])('says what is missing where the audit %s', (_what, words, { status, from }) => {
  const { isComplete, gaps } = coverageOf(WINDOW, status, from)
  expect(isComplete).toBe(false)
  expect(gaps).toEqual([expect.stringMatching(words)])
})
