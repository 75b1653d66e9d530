/** What a rule says of one record: how sure it is, and why, in words for an operator. */

import type { AnomalyRule } from '../watch.ts'

export interface Judged {
  readonly rule: AnomalyRule
  /** Above 0, at most 1. */
  readonly score: number
  readonly reason: string
}

/** How far a value is above what is usual: a half at twice of it, towards one far above. */
export function excess(value: number, usual: number): number {
  return rounded(1 - usual / value)
}

/** To a hundredth, within the bounds of a score. */
export function rounded(score: number): number {
  return Math.min(1, Math.max(0.01, Math.round(score * 100) / 100))
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB']

/** `12.3 MB` */
export function bytesInWords(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3))
  const value = bytes / 1000 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : Number(value.toPrecision(2))} ${UNITS[power] ?? ''}`
}
