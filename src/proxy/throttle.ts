/**
 * A brake on guessing: only look-ups that found nothing count, per source network and over all.
 *
 * Nobody who works is locked out: tokens in the cache never come here, and when the whole world
 * guesses at once, networks from which a token was recognised still get their look-ups (TK-12).
 */

import { draw, fullBucket } from '../policy/bucket.ts'
import type { Bucket } from '../policy/bucket.ts'
import { formatAddress, parseAddress } from '../policy/cidr.ts'

export interface Throttle {
  /** Seconds to wait before another unknown token of this source is looked up; else undefined. */
  delaySeconds(source: string, now: number): number | undefined
  failed(source: string, now: number): void
  succeeded(source: string): void
}

export interface ThrottleLimits {
  /** Failed look-ups per second and source network; the burst is as large. */
  readonly perSource: number
  /** The same over all networks from which nothing good ever came. */
  readonly overall: number
}

const MAX_NETWORKS = 10_000

/** Builds the throttle; all of it is in memory and forgotten with the process. */
export function createThrottle({ perSource, overall }: ThrottleLimits): Throttle {
  const buckets = new Map<string, Bucket>()
  const known = new Map<string, true>()
  let all: Bucket | undefined

  return {
    delaySeconds(source, now) {
      const network = networkOf(source)
      const own = draw(buckets.get(network) ?? fullBucket(perSource, now), perSource, now)
      if (!own.allowed) return own.retryAfterSeconds
      if (known.has(network)) return undefined
      const shared = draw(all ?? fullBucket(overall, now), overall, now)
      return shared.allowed ? undefined : shared.retryAfterSeconds
    },
    failed(source, now) {
      const network = networkOf(source)
      const drawn = draw(buckets.get(network) ?? fullBucket(perSource, now), perSource, now)
      remember(buckets, network, drawn.bucket)
      if (!known.has(network)) all = draw(all ?? fullBucket(overall, now), overall, now).bucket
    },
    succeeded(source) {
      remember(known, networkOf(source), true)
    },
  }
}

/** Keeps the newest; a map gives its oldest key first. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= MAX_NETWORKS) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}

/** An IPv4 address, or the /64 that one IPv6 customer can draw addresses from at will. */
function networkOf(source: string): string {
  const address = parseAddress(source)
  if (!address) return ''
  if (address.family === 4) return source
  return formatAddress(address).split(':').slice(0, 4).join(':')
}
