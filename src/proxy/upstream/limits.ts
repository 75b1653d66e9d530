/** What no upstream may exceed, and how long each may take. */

import type { BreakerLimits } from './breaker.ts'

export interface UpstreamLimits {
  /** Of the dial: name, TCP and TLS together. */
  readonly connectTimeoutMs: number
  /** From the request's last byte to the answer's head. */
  readonly headTimeoutMs: number
  /** Longest silence inside an answer, while its listener wants more. */
  readonly bodyIdleTimeoutMs: number
  /** Longest time in which an upstream takes no byte of a request. */
  readonly writeTimeoutMs: number
  /** Longest wait for a connection when all are busy. */
  readonly queueTimeoutMs: number
  /** How long a connection is kept unused when the upstream says nothing about it. */
  readonly idleTimeoutMs: number
  /** The most that is believed of an upstream's `Keep-Alive: timeout`. */
  readonly promisedIdleTimeoutMs: number
  /** Older connections are not used again, so that a changed DNS answer is followed. */
  readonly maxAgeMs: number
  readonly connectionsPerPool: number
  /** Requests of one pool that wait for a connection. */
  readonly maxQueued: number
  readonly maxHeaderBytes: number
  readonly maxFields: number
  readonly breaker: BreakerLimits
}

export const DEFAULT_UPSTREAM_LIMITS: UpstreamLimits = {
  connectTimeoutMs: 5_000,
  // A model may think for minutes before the first byte; the SDKs wait ten.
  headTimeoutMs: 600_000,
  bodyIdleTimeoutMs: 300_000,
  writeTimeoutMs: 60_000,
  queueTimeoutMs: 10_000,
  // Under the five seconds after which common servers hang up without a word.
  idleTimeoutMs: 4_000,
  promisedIdleTimeoutMs: 60_000,
  maxAgeMs: 600_000,
  connectionsPerPool: 256,
  maxQueued: 1024,
  maxHeaderBytes: 64 * 1024,
  maxFields: 256,
  breaker: { failures: 10, openMs: 1_000, maxOpenMs: 30_000 },
}
