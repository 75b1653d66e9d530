/** Adding up what rows of activity count. */

import type { Activity, UsageSums } from '../audit/audit-index.ts'

export interface Sums {
  /** Requests that were let in. */
  readonly calls: number
  /** Of those: answered with a status of 400 and more. */
  readonly failed: number
  readonly refused: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Minor units by lower-case currency code. */
  readonly amounts: Readonly<Record<string, number>>
}

const NOTHING: Sums = {
  calls: 0,
  failed: 0,
  refused: 0,
  requestBytes: 0,
  responseBytes: 0,
  inputTokens: 0,
  outputTokens: 0,
  amounts: {},
}

export function sumsOf(activities: Iterable<Activity>): Sums {
  let sums = NOTHING
  for (const activity of activities) sums = add(sums, activity)
  return sums
}

function add(sums: Sums, { decision, count, failed, usage, ...bytes }: Activity): Sums {
  const isAllowed = decision === 'allow'
  return {
    calls: sums.calls + (isAllowed ? count : 0),
    failed: sums.failed + (isAllowed ? failed : 0),
    refused: sums.refused + (isAllowed ? 0 : count),
    requestBytes: sums.requestBytes + bytes.requestBytes,
    responseBytes: sums.responseBytes + bytes.responseBytes,
    inputTokens: sums.inputTokens + (usage.inputTokens ?? 0),
    outputTokens: sums.outputTokens + (usage.outputTokens ?? 0),
    amounts: addAmounts(sums.amounts, usage.amounts),
  }
}

function addAmounts(
  sums: Sums['amounts'],
  amounts: UsageSums['amounts'] = {},
): Readonly<Record<string, number>> {
  const entries = Object.entries(amounts)
  if (entries.length === 0) return sums
  // Codes come out of services' answers: a Map has no members of its own.
  const all = new Map(Object.entries(sums))
  for (const [currency, amount] of entries) all.set(currency, (all.get(currency) ?? 0) + amount)
  return Object.fromEntries(all)
}

/** The latest of them; 0 of none. Groups may be larger than a call has room for arguments. */
export function latestOf(items: readonly { readonly lastAt: number }[]): number {
  return items.reduce((latest, { lastAt }) => Math.max(latest, lastAt), 0)
}
