/** The bounds of a data plane, with their defaults: what no request and no upstream may exceed. */

import type { ThrottleLimits } from './throttle.ts'
import { DEFAULT_UPSTREAM_LIMITS, type UpstreamLimits } from './upstream/limits.ts'

/** What a client may send, and how long it may take. */
export interface WireLimits {
  /** Request line and fields together. */
  readonly maxHeaderBytes: number
  readonly maxFields: number
  readonly maxTargetBytes: number
  readonly maxBodyBytes: number
  /** From the first byte of a request to the end of its head; of a TLS handshake likewise. */
  readonly headTimeoutMs: number
  /** Longest silence inside a body. */
  readonly bodyIdleTimeoutMs: number
  /** Longest time in which a client takes no byte of its answer. */
  readonly sendIdleTimeoutMs: number
  /** Between two requests. */
  readonly idleConnectionMs: number
  /** For a whole body to arrive, however lively it is. */
  readonly totalTimeoutMs: number
  readonly connections: number
  /** Of one address; trusted proxies are not counted. */
  readonly connectionsPerSource: number
  /** How long, and how much of, the rest of a refused body is read. */
  readonly drainMs: number
  readonly drainBytes: number
}

export interface DataPlaneLimits {
  readonly wire: WireLimits
  readonly upstream: UpstreamLimits
  readonly throttle: ThrottleLimits
  /** Request bodies held in memory for rules to read, over all requests. */
  readonly heldBodyBytes: number
  readonly cachedTokens: number
  readonly rememberedProofs: number
}

export const DEFAULT_LIMITS: DataPlaneLimits = {
  wire: {
    maxHeaderBytes: 32 * 1024,
    maxFields: 100,
    maxTargetBytes: 8 * 1024,
    maxBodyBytes: 5 * 1024 ** 3,
    headTimeoutMs: 10_000,
    bodyIdleTimeoutMs: 30_000,
    sendIdleTimeoutMs: 30_000,
    idleConnectionMs: 75_000,
    totalTimeoutMs: 1_800_000,
    connections: 10_000,
    connectionsPerSource: 1_000,
    drainMs: 1_000,
    drainBytes: 1024 * 1024,
  },
  upstream: DEFAULT_UPSTREAM_LIMITS,
  throttle: { perSource: 20, overall: 1000 },
  heldBodyBytes: 256 * 1024 * 1024,
  cachedTokens: 20_000,
  rememberedProofs: 100_000,
}
