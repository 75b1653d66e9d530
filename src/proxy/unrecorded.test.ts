import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { silentLog, type Log } from '../base/log.ts'
import { createUnrecorded } from './unrecorded.ts'

let lines: unknown[]
const log: Log = { ...silentLog, error: (event, fields) => lines.push({ event, ...fields }) }
const refused = (requestId: string) => ({ requestId, reason: 'scope_missing' })

beforeEach(() => {
  lines = []
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

it('names the first refusal and counts those behind it, interval by interval', () => {
  const unrecorded = createUnrecorded(log, 1000)
  const first = { event: 'refusal_not_recorded', ...refused('a') }
  for (const id of ['a', 'b', 'c']) unrecorded.note(refused(id))
  expect(lines).toEqual([first])
  vi.advanceTimersByTime(1000)
  unrecorded.note(refused('d'))
  vi.advanceTimersByTime(1000)
  const counted = [2, 1].map((count) => ({ event: 'refusals_not_recorded', count }))
  expect(lines).toEqual([first, ...counted])
})

it('names one again after an interval without any', () => {
  const unrecorded = createUnrecorded(log, 1000)
  unrecorded.note(refused('a'))
  vi.advanceTimersByTime(1000)
  unrecorded.note(refused('b'))
  expect(lines).toMatchObject([{ requestId: 'a' }, { requestId: 'b' }])
})
