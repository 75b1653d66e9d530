import { beforeEach, describe, expect, it } from 'vitest'
import { createClockTrust, type ClockNote, type ClockTrust } from './clock-trust.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

let wall: number
let monotonic: number
let noted: ClockNote | undefined

beforeEach(() => {
  wall = Date.parse('2026-11-24T00:00:00Z')
  monotonic = 5000
  noted = undefined
})

const start = (): ClockTrust =>
  createClockTrust({
    ...{ noted, now: () => wall, monotonic: () => monotonic },
    note: (note) => {
      noted = note
    },
  })

/** Another process: its monotonic clock says nothing of the former one's. */
function restart(offMs = 0): ClockTrust {
  wall += offMs
  monotonic = 77
  return start()
}

function pass(ms: number): void {
  wall += ms
  monotonic += ms
}

describe('AU-08 the clock', () => {
  it('is believed at the very first start, and as long as it goes on', () => {
    const trust = start()
    expect(trust.look()).toBe(0)
    pass(10 * DAY)
    expect(trust.look()).toBe(0)
    expect(noted).toEqual({ seenAt: wall, trustedFrom: wall })
  })

  it('is believed a day after it leapt, by the clock that nobody sets', () => {
    const trust = start()
    trust.look()
    wall += YEAR
    expect(trust.look()).toBe(DAY)
    pass(23 * HOUR)
    expect(trust.look()).toBe(HOUR)
    pass(HOUR)
    expect(trust.look()).toBe(0)
  })

  it.each([
    ['a leap of less than a day', 20 * HOUR],
    ['a step back', -YEAR],
  ])('is believed after %s', (_what, ms) => {
    const trust = start()
    wall += ms
    expect(trust.look()).toBe(0)
  })

  it('is not believed at once when a process starts more than a day after the last one', () => {
    start().look()
    expect(restart(DAY - 1).look()).toBe(0)
    expect(restart(DAY + 1).look()).toBe(DAY)
  })

  it('is not believed the sooner because the process is started again', () => {
    const trust = start()
    trust.look()
    wall += YEAR
    trust.look()
    pass(5 * HOUR)
    trust.look()
    const again = restart(HOUR)
    expect(again.look()).toBe(18 * HOUR)
    pass(18 * HOUR)
    expect(again.look()).toBe(0)
  })

  it('is not believed when a process dies between the leap and its next look', () => {
    start().look()
    pass(HOUR)
    wall += YEAR
    restart()
    expect(restart(HOUR).look()).toBe(DAY)
  })

  it('is not believed for longer than a day after it was set right', () => {
    start().look()
    wall += YEAR
    restart().look()
    expect(restart(-YEAR).look()).toBe(DAY)
  })

  it('is not believed when its leap could not be noted', () => {
    let isFull = false
    const trust = createClockTrust({
      ...{ noted, now: () => wall, monotonic: () => monotonic },
      note: () => {
        if (isFull) throw new Error('disk')
      },
    })
    trust.look()
    wall += YEAR
    isFull = true
    expect(() => trust.look()).toThrow('disk')
    isFull = false
    expect(trust.look()).toBe(DAY)
  })
})
