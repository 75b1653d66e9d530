/** The bounds of a data plane, with their defaults: what no request and no upstream may exceed. */

import type { ThrottleLimits } from './throttle.ts'
import { DEFAULT_UPSTREAM_LIMITS } from './upstream/limits.ts'
import type { UpstreamLimits } from './upstream/limits.ts'

/** What a client may take, in bytes, in number and in time. */
export interface WireLimits {
  readonly maxHeaderBytes: number
  readonly maxFields: number
  readonly maxTargetBytes: number
  readonly maxBodyBytes: number
  /** From a head's first byte to its last. */
  readonly headTimeoutMs: number
  /** Longest silence of a client whose body is waited for. */
  readonly bodyIdleTimeoutMs: number
  /** For a whole body, however lively it is. */
  readonly totalTimeoutMs: number
  /** Longest time in which a client takes nothing of what is sent to it. */
  readonly sendIdleTimeoutMs: number
  readonly idleConnectionMs: number
  readonly connections: number
  readonly connectionsPerSource: number
  /** What may still come behind the last answer of a connection, so that it is not lost. */
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
    totalTimeoutMs: 1_800_000,
    sendIdleTimeoutMs: 30_000,
    idleConnectionMs: 75_000,
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
