/**
 * How many wrong keys one source may present: a bucket per address, refilled with time.
 *
 * It bounds work and noise; what makes guessing hopeless is the length of a key. IPv6 sources
 * count per /64, since one host owns at least that much.
 */

import type { Now } from '../base/clock.ts'

export interface Throttle {
  /** Seconds until `source` may try again; 0 when it may now. */
  waitSeconds(source: string): number
  /** Takes one from the source's bucket. */
  penalise(source: string): void
}

const BURST = 50
const REFILL_PER_SECOND = 1
/** Beyond this the longest untouched bucket is dropped; it is the fullest one as a rule. */
const MAX_SOURCES = 10_000

export function createThrottle(now: Now): Throttle {
  const buckets = new Map<string, { readonly left: number; readonly at: number }>()

  const left = (network: string): number => {
    const bucket = buckets.get(network)
    if (!bucket) return BURST
    const seconds = Math.max(0, now() - bucket.at) / 1000
    return Math.min(BURST, bucket.left + seconds * REFILL_PER_SECOND)
  }

  return {
    waitSeconds: (source) => {
      const missing = 1 - left(networkOf(source))
      return missing <= 0 ? 0 : Math.ceil(missing / REFILL_PER_SECOND)
    },
    penalise: (source) => {
      const network = networkOf(source)
      const bucket = { left: Math.max(0, left(network) - 1), at: now() }
      buckets.delete(network)
      buckets.set(network, bucket)
      if (buckets.size > MAX_SOURCES) buckets.delete(buckets.keys().next().value ?? '')
    },
  }
}

/** The first four groups of an IPv6 address, and an IPv4 address whole. */
function networkOf(source: string): string {
  if (!source.includes(':')) return source
  const [head = '', tail] = source.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back]
  return groups.slice(0, 4).join(':')
}
