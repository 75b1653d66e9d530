/** Durations and sizes as people write them: `4h`, `1h30m`, `10MiB`. */

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** Whole seconds of `90s`, `4h`, `1h30m`, `7d`; undefined for anything else, zero included. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smhd]){1,4}$/.test(text)) return undefined
  let seconds = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    seconds += Number(count) * (SECONDS_PER_UNIT[unit ?? ''] ?? 0)
  }
  return seconds > 0 ? seconds : undefined
}

/** The shortest text that `parseDuration` reads back to the same number of seconds. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  let text = ''
  for (const [unit, size] of Object.entries(SECONDS_PER_UNIT).reverse()) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text || '0s'
}

/** Bytes of `512KiB`, `10MiB`, `1GiB` or a plain number; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const { count, unit } = /^(?<count>\d{1,12})(?<unit>B|KiB|MiB|GiB)?$/i.exec(text)?.groups ?? {}
  if (count === undefined) return undefined
  const bytes = Number(count) * (BYTES_PER_UNIT[(unit ?? 'B').toLowerCase()] ?? 1)
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined
}

/** For defaults of ours, which are well-formed. */
export const presetSeconds = (text: string): number => parseDuration(text) ?? 0
export const presetBytes = (text: string): number => parseSize(text) ?? 0
