/** Lifetime, source networks and rate that an agent's history suggests for its next token. */

import type { Activity } from '../audit/audit-index.ts'
import { defined } from '../policy/defined.ts'
import { formatDuration } from '../policy/duration.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { allowed } from './calls.ts'
import { rangesOf } from './networks.ts'

export interface Suggestion {
  /** As its newest token had. */
  readonly ttl?: string
  /** Address ranges that hold every address that is known. */
  readonly bind?: readonly string[]
  /** Twice the most that was seen in a second, unless its newest token had less. */
  readonly rate?: string
  /** What else its newest token was bound and limited by: a tighter token is not to lose it. */
  readonly dpop?: string
  readonly firstUse?: boolean
  readonly maxRequests?: number
  /** What these rest on, one sentence each. */
  readonly grounds: readonly string[]
}

interface History {
  readonly tokens: readonly StoredGrant[]
  readonly activities: readonly Activity[]
  readonly recent: readonly { readonly at: number; readonly source: string }[]
}

const HEADROOM = 2
const UNITS = [
  ['s', 1],
  ['m', 60],
  ['h', 3600],
] as const

export function suggestLimits({ tokens, activities, recent }: History): Suggestion {
  const admitted = allowed(activities)
  if (admitted.length === 0) return { grounds: [] }
  const newest = tokens.toSorted((left, right) => right.issuedAt - left.issuedAt)[0]
  const parts = [
    ...(newest ? [suggestTtl(newest), keepBindings(newest)] : []),
    suggestBind(admitted, recent, newest),
    suggestRate(recent, newest),
  ]
  return Object.assign({}, ...parts, {
    grounds: parts.flatMap(({ grounds }) => grounds),
  }) as Suggestion // of the parts, each of which is one
}

function suggestTtl({ issuedAt, expiresAt }: StoredGrant): Suggestion {
  const ttl = formatDuration(Math.ceil((expiresAt - issuedAt) / 1000))
  return { ttl, grounds: [`Its newest token was issued for ${ttl}.`] }
}

function keepBindings({ bindings, limits }: StoredGrant): Suggestion {
  const { dpop, firstUse } = bindings
  const kept = defined({ dpop, firstUse, maxRequests: limits.maxRequests })
  const isAny = Object.keys(kept).length > 0
  return { ...kept, grounds: isAny ? ['Other bindings and limits are those of that token.'] : [] }
}

function suggestBind(
  admitted: readonly Activity[],
  recent: History['recent'],
  newest: StoredGrant | undefined,
): Suggestion {
  const sources = new Set(
    [...admitted.map(({ lastSource }) => lastSource), ...recent.map(({ source }) => source)].filter(
      (source) => source !== '',
    ),
  )
  const bind = rangesOf([...sources])
  const seen = `${sources.size === 1 ? 'One source address was' : `${sources.size} source addresses were`} seen: in the newest requests, and in the last one of each operation.`
  if (bind) return { bind, grounds: [seen] }
  const { cidr } = newest?.bindings ?? {}
  if (cidr) return { bind: cidr, grounds: [`${seen} The ranges are those of its newest token.`] }
  return { grounds: [`${seen} They lie too far apart for a binding.`] }
}

function suggestRate(recent: History['recent'], newest: StoredGrant | undefined): Suggestion {
  const peak = busiestSecond(recent.map(({ at }) => at))
  const limit = newest?.limits.ratePerSecond
  if (limit !== undefined && (peak === 0 || limit <= peak * HEADROOM))
    return { rate: rateWord(limit), grounds: ['The rate is that of its newest token.'] }
  if (peak === 0) return { grounds: [] }
  return {
    rate: `${peak * HEADROOM}/s`,
    grounds: [
      `At most ${peak} requests came within a second, of the newest ${recent.length}; the rate allows twice as many.`,
    ],
  }
}

/** As `--rate` reads it: whole numbers only, in the smallest unit that has one. */
function rateWord(perSecond: number): string {
  for (const [unit, seconds] of UNITS) {
    const count = Math.round(perSecond * seconds)
    if (count >= 1 && Math.abs(count - perSecond * seconds) < 1e-6) return `${count}/${unit}`
  }
  return `${Math.max(1, Math.floor(perSecond * 3600))}/h`
}

/** The most moments within any one second. */
function busiestSecond(moments: readonly number[]): number {
  const sorted = moments.toSorted((left, right) => left - right)
  let [peak, start] = [0, 0]
  for (const [end, at] of sorted.entries()) {
    while (at - (sorted[start] ?? at) >= 1000) start += 1
    peak = Math.max(peak, end - start + 1)
  }
  return peak
}
