/** What refusals tell: a burst of them, somebody trying doors, a token that is dead. */

import { LIMITS, type Baseline } from './baseline.ts'
import type { Counted, Refused } from './deed.ts'
import { excess, rounded, type Judged } from './judged.ts'
import { keepPeak, usualPeak } from './peaks.ts'
import { countIn, distinct, keepMark } from './windows.ts'

const MINUTE_MS = 60 * 1000

const BURST = { widthMs: 5 * MINUTE_MS, floor: 20, far: 4 }
const PROBES = { widthMs: 10 * MINUTE_MS, limit: 64, floor: 8 }
const DEAD = { widthMs: 10 * MINUTE_MS, limit: 64, floor: 5 }
/** For requests that were under way, retries, and instances that get their new token a little later. */
const STRAGGLING_MS = 5 * MINUTE_MS

/** Refused because of what was asked for, not because of when or how often. */
const OUT_OF_BOUNDS: ReadonlySet<string> = new Set([
  ...['scope_missing', 'service_not_granted', 'service_unknown', 'operation_unknown'],
  ...['method_not_allowed', 'guard_denied', 'acting_as_not_allowed', 'host_unknown'],
  ...['target_not_canonical'],
])

const DEAD_TOKEN: ReadonlySet<string> = new Set([
  ...['token_revoked', 'token_expired', 'agent_disabled', 'token_unknown', 'token_malformed'],
])

export function judgeRefusal(
  baseline: Baseline,
  deed: Refused,
  isKnown: boolean,
): readonly Judged[] {
  const isElsewhere = isKnown && isForeign(baseline, deed.network)
  const found = [
    judgeBurst(baseline, deed),
    judgeProbing(baseline, deed),
    isStraggler(deed) && !isElsewhere
      ? undefined
      : surerOf(judgeRevoked(deed, isElsewhere), judgeDead(baseline, deed)),
    isElsewhere ? judgeBinding(deed) : undefined,
  ]
  return found.filter((judged) => judged !== undefined)
}

function isStraggler({ at, revokedAt }: Refused): boolean {
  return revokedAt !== undefined && at - revokedAt < STRAGGLING_MS
}

/** An agent that comes from everywhere is nowhere a stranger. */
function isForeign({ networks }: Baseline, network: string): boolean {
  return networks.length < LIMITS.networks && !networks.includes(network)
}

/** Whoever holds no token of ours and tries some: by network, since nothing else is known. */
export function judgeStrangers(baseline: Baseline, deed: Counted): Judged | undefined {
  return judgeDead(baseline, deed, deed.count)
}

function judgeBurst(baseline: Baseline, { at }: Refused): Judged | undefined {
  const count = countIn(baseline.refused, at, BURST.widthMs)
  keepPeak(baseline.refusedPerSlot, at, count)
  if (count < BURST.floor) return undefined
  const usual = usualPeak(baseline.refusedPerSlot, at)
  if (count <= BURST.far * usual) return undefined
  const reason = `${count} refusals in five minutes; usually up to ${usual}`
  return { rule: 'refusal_burst', score: excess(count, usual), reason }
}

function judgeProbing({ probes }: Baseline, { at, reason, wanted }: Refused): Judged | undefined {
  if (!OUT_OF_BOUNDS.has(reason)) return undefined
  keepMark(probes, [at, wanted], PROBES)
  const count = distinct(probes)
  if (count < PROBES.floor) return undefined
  const said = `${count} different operations tried in ten minutes that its token does not allow`
  return { rule: 'scope_probing', score: rounded(0.5 + count / 40), reason: said }
}

function judgeDead(
  { dead }: Baseline,
  { at, reason }: { readonly at: number; readonly reason: string },
  times = 1,
): Judged | undefined {
  if (!DEAD_TOKEN.has(reason)) return undefined
  for (let time = 0; time < Math.min(times, DEAD.limit); time++) keepMark(dead, [at, reason], DEAD)
  if (dead.length < DEAD.floor) return undefined
  const kinds = [...new Set(dead.map(([, kind]) => kind.replace('_', ' ')))].sort().join(', ')
  const count = dead.length === DEAD.limit ? `${DEAD.limit} or more` : `${dead.length}`
  const said = `${count} uses in ten minutes of a token that is no longer or never was good (${kinds})`
  return { rule: 'dead_token', score: rounded(0.3 + dead.length / 50), reason: said }
}

/** One use is enough: whoever revoked it has seen to it that nobody needs it any more. */
function judgeRevoked(
  { at, revokedAt, network }: Refused,
  isElsewhere: boolean,
): Judged | undefined {
  if (revokedAt === undefined) return undefined
  const said = `a token was used that was revoked ${agoInWords(at - revokedAt)}`
  const judged = { rule: 'dead_token', score: 0.5, reason: said } as const
  if (!isElsewhere) return judged
  return { ...judged, score: 0.8, reason: `${said}, from ${network}, which its agent never used` }
}

/** A live token in the hands of somebody who is somewhere else. */
function judgeBinding({ reason, network }: Refused): Judged | undefined {
  if (reason !== 'binding_mismatch') return undefined
  const said = `a token was refused in ${network}, which its agent never used, as it is bound to others or to a key`
  return { rule: 'new_source', score: 0.7, reason: said }
}

function surerOf(one: Judged | undefined, other: Judged | undefined): Judged | undefined {
  return one && other ? (other.score > one.score ? other : one) : (one ?? other)
}

function agoInWords(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS))
  if (minutes < 1) return 'less than a minute ago'
  if (minutes < 120) return `${minutes} minutes ago`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} hours ago` : `${Math.floor(hours / 24)} days ago`
}
