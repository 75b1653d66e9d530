/** How much is usual: the largest of each day, over four weeks. */

const DAY_MS = 24 * 60 * 60 * 1000
const DAYS = 28

export interface Peaks {
  /** Days since 1970. */
  day: number
  /** The largest of that day so far. */
  today: number
  /** Those of the days before that had any, newest last. */
  past: number[]
}

export const noPeaks = (): Peaks => ({ day: 0, today: 0, past: [] })

/** Takes a value in. An old one, from another writer's clock, counts for today. */
export function keepPeak(peaks: Peaks, at: number, value: number): void {
  const day = Math.floor(at / DAY_MS)
  if (day > peaks.day) {
    if (peaks.today > 0) peaks.past.push(peaks.today)
    if (peaks.past.length > DAYS) peaks.past.shift()
    peaks.day = day
    peaks.today = 0
  }
  if (value > peaks.today) peaks.today = value
}

/** The largest of the days before; a value of today is not usual yet. */
export function usualPeak({ past, day, today }: Peaks, at: number): number {
  const isOver = Math.floor(at / DAY_MS) > day
  return Math.max(0, ...past, ...(isOver ? [today] : []))
}
