/** Spans of time as operators write them: `4h`, `30m`, `1d12h`. */

const DURATION = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?$/
const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/**
 * Reads a positive span, largest unit first, each unit at most once; returns seconds. Undefined
 * for anything else: no bare numbers, signs, fractions, exponents or spaces.
 */
export function parseDuration(text: string): number | undefined {
  const counts = DURATION.exec(text)?.slice(1)
  if (!counts) return undefined
  const seconds = UNITS.reduce(
    (sum, [, length], index) => sum + Number(counts[index] ?? 0) * length,
    0,
  )
  return seconds > 0 ? seconds : undefined
}

/** The shortest text that parseDuration reads back. */
export function formatDuration(seconds: number): string {
  let rest = seconds
  let text = ''
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0) text += `${count}${unit}`
  }
  return text || '0s'
}
