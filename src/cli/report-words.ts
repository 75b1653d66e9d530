/** Facts of reports as words, the same in text and in HTML. */

import type {
  ActivitySums,
  BlastRadius,
  ReportCoverage,
  ReportedToken,
} from '../../sdk/src/client.ts'
import { formatDistance, formatMoment } from './moments.ts'

const KIB = 1024
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function coverageWords({ since, until, historyFrom, gaps }: ReportCoverage): string {
  const window = `Requests from ${formatMoment(since)} to ${formatMoment(until)}.`
  if (gaps.length > 0) return [window, ...gaps].join(' ')
  if (historyFrom === undefined || historyFrom <= since)
    return `${window} The audit covers all of it.`
  return `${window} The audit begins at ${formatMoment(historyFrom)}: there was nothing before.`
}

/** `never`, `5m ago`. */
export function usedWords(lastUsedAt: number | undefined, now: number): string {
  return lastUsedAt === undefined ? 'never' : formatDistance(lastUsedAt, now)
}

/** Live ones, and those that ended in the window. */
export function tokenCount({ tokens, ended }: { tokens: number; ended: number }): string {
  return ended === 0 ? String(tokens) : `${tokens}, ${ended} ended`
}

export function lifeWords(token: ReportedToken, now: number): string {
  const { status, issuedAt, issuedBy, expiresAt, revokedAt } = token
  const end = {
    live: `expires ${formatDistance(expiresAt, now)}`,
    expired: `expired ${formatDistance(expiresAt, now)}`,
    revoked: revokedAt === undefined ? 'revoked' : `revoked ${formatDistance(revokedAt, now)}`,
  }[status]
  return `issued ${formatDistance(issuedAt, now)} by ${issuedBy}, ${end}`
}

export function useWords({ calls, lastUsedAt, lastSource }: ReportedToken, now: number): string {
  if (lastUsedAt === undefined) return 'never used'
  const from = lastSource === undefined ? '' : ` from ${lastSource}`
  return `used ${formatDistance(lastUsedAt, now)}${from}, ${callWords(calls)}`
}

function callWords(calls: number): string {
  if (calls === 0) return 'no call in this window'
  return calls === 1 ? '1 call' : `${calls} calls`
}

/** Bindings and limits; says so where there are none. */
export function bindingWords({ bindings, limits }: ReportedToken): string {
  const { cidr = [], dpop, firstUse, boundAddress } = bindings
  const words = [
    cidr.length === 0 ? '' : `from ${cidr.join(', ')}`,
    dpop === undefined ? '' : `with DPoP key ${dpop}`,
    firstUse ? `from ${boundAddress ?? 'the first address that uses it'}` : '',
    limits.maxRequests === undefined ? '' : `at most ${limits.maxRequests} requests`,
    limits.ratePerSecond === undefined ? '' : `at most ${limits.ratePerSecond}/s`,
  ].filter((word) => word !== '')
  return words.length === 0 ? 'usable from anywhere, without limits' : words.join('; ')
}

export function byteWords(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= KIB && unit < BYTE_UNITS.length - 1) [value, unit] = [value / KIB, unit + 1]
  const digits = unit > 0 && value < 10 ? 1 : 0
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? ''}`
}

/** `19.99 EUR, 500 JPY`: minor units as their currency counts them. */
export function amountWords(amounts: ActivitySums['amounts']): string {
  return Object.entries(amounts)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([currency, amount]) => moneyWords(currency.toUpperCase(), amount))
    .join(', ')
}

function moneyWords(currency: string, amount: number): string {
  const digits = /^[A-Z]{3}$/.test(currency) ? minorDigits(currency) : 2
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`
}

function minorDigits(currency: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  return format.resolvedOptions().maximumFractionDigits ?? 2
}

/** `1200 in, 340 out`; nothing where there are none. */
export function modelTokenWords({ inputTokens, outputTokens }: ActivitySums): string {
  return inputTokens + outputTokens === 0 ? '' : `${inputTokens} in, ${outputTokens} out`
}

const FINDINGS: Readonly<Record<string, string>> = {
  unused: 'unused',
  never_used: 'never used',
  only_refused: 'only refused',
  long_lived: 'long-lived',
  ownerless: 'no owner',
}

export function findingWords(findings: readonly string[]): string {
  return findings.map((finding) => FINDINGS[finding] ?? finding).join(', ')
}

/** Above the commands that end it. */
export function containmentTitle({ worstRisk }: Pick<BlastRadius, 'worstRisk'>): string {
  return worstRisk === undefined
    ? 'What still makes sense, with nothing live'
    : 'To contain it, the most effective first'
}
