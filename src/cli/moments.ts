/** Moments and spans as people write and read them on a command line. */

import { Failure } from '../base/errors.ts'
import { formatDuration, parseDuration } from '../config/units.ts'

/** `2h` (ago), `2026-11-20`, `2026-11-20T12:00:00Z`: epoch milliseconds. */
export function parseMoment(option: string, text: string, now: number): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined) return now - seconds * 1000
  const moment = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : NaN
  if (Number.isNaN(moment))
    throw new Failure(
      'usage_invalid',
      `${option} takes a span before now (2h, 7d) or a moment (2026-11-20T12:00:00Z)`,
    )
  return moment
}

/** `2026-03`: the month of a calendar in UTC, whole. */
export function parseMonth(text: string): { readonly since: number; readonly until: number } {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? []
  if (year === undefined || month === undefined)
    throw new Failure('usage_invalid', '--month takes a year and a month, as 2026-03')
  return {
    since: Date.UTC(Number(year), Number(month) - 1),
    until: Date.UTC(Number(year), Number(month)),
  }
}

/** `2026-11-20 13:00:00` where the reader is; see `localZone`. */
export function formatLocal(at: number): string {
  const date = new Date(at)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}

/** `Europe/Berlin`, `UTC`. */
export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** `2026-11-20 12:00:00Z`: sorts, and leaves no doubt about the zone. */
export function formatMoment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** `in 3h59m`, `2d ago`: to the two largest units. */
export function formatDistance(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now) / 1000)
  const [first = '0s', second = ''] = formatDuration(seconds).match(/\d+[dhms]/g) ?? []
  const text = /[ms]$/.test(first) ? first : `${first}${second}`
  return at > now ? `in ${text}` : `${text} ago`
}
