/** What refusals tell: a burst of them, somebody trying doors, a token that is dead. */

import type { Baseline } from './baseline.ts'
import type { Counted, Refused } from './deed.ts'
import { excess, rounded, type Judged } from './judged.ts'
import { keepPeak, usualPeak } from './peaks.ts'
import { countIn, distinct, keepMark } from './windows.ts'

const MINUTE_MS = 60 * 1000

const BURST = { widthMs: 5 * MINUTE_MS, floor: 20, far: 4 }
const PROBES = { widthMs: 10 * MINUTE_MS, limit: 64, floor: 8 }
const DEAD = { widthMs: 10 * MINUTE_MS, limit: 64, floor: 5 }

/** Refused because of what was asked for, not because of when or how often. */
const OUT_OF_BOUNDS: ReadonlySet<string> = new Set([
  ...['scope_missing', 'service_not_granted', 'service_unknown', 'operation_unknown'],
  ...['method_not_allowed', 'guard_denied', 'acting_as_not_allowed', 'host_unknown'],
  ...['target_not_canonical'],
])

const DEAD_TOKEN: ReadonlySet<string> = new Set([
  ...['token_revoked', 'token_expired', 'agent_disabled', 'token_unknown', 'token_malformed'],
])

export function judgeRefusal(baseline: Baseline, deed: Refused): readonly Judged[] {
  const found = [
    judgeBurst(baseline, deed),
    judgeProbing(baseline, deed),
    judgeDead(baseline, deed),
  ]
  return found.filter((judged) => judged !== undefined)
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
