/**
 * What was told about a subject of late, so that nothing is told over and over. Bounded: when it is
 * too much, the oldest is forgotten, since what is told twice does less harm than what is not told.
 */

import type { AnomalyRule } from '../watch.ts'
import type { Judged } from './judged.ts'

/** The score is the highest that was told. */
export type Told = [what: string, at: number, score: number]

const LIMIT = 128

/** In hundredths: how much surer than before a rule must be to speak again before its time. */
const SURER = 10

/**
 * Counted over all tokens of an agent: the token at hand may have had the least part in it, so that
 * each further one must not be held responsible as well.
 */
const OVER_ALL_TOKENS: ReadonlySet<AnomalyRule> = new Set([
  ...(['unusual_rate', 'refusal_burst', 'scope_probing', 'issuing_burst'] as const),
])

/** Once for a rule and a token within the time of quiet, and again when the rule is much surer. */
export function isToTell(
  told: Told[],
  { rule, score }: Judged,
  { at, tokenId = '', quietMs }: { at: number; tokenId: string | undefined; quietMs: number },
): boolean {
  const what = OVER_ALL_TOKENS.has(rule) ? rule : `${rule} ${tokenId}`
  const index = told.findIndex(([known]) => known === what)
  const before = told[index]
  if (before && at - before[1] < quietMs) {
    if (Math.round((score - before[2]) * 100) < SURER) return false
    before[2] = score
    return true
  }
  if (before) told.splice(index, 1)
  else if (told.length >= LIMIT) told.shift()
  told.push([what, at, score])
  return true
}
