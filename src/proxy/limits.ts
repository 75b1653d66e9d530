/** The bounds of a data plane, with their defaults: what no request and no upstream may exceed. */

import type { ThrottleLimits } from './throttle.ts'
import type { UpstreamLimits } from './upstream/pool.ts'
import type { WireLimits } from './wire/server.ts'

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
    headTimeoutMs: 10_000,
    idleConnectionMs: 75_000,
    bodyIdleTimeoutMs: 30_000,
  },
  upstream: {
    connectTimeoutMs: 5_000,
    // A model may think for minutes before the first byte; the SDKs wait ten.
    headTimeoutMs: 600_000,
    bodyIdleTimeoutMs: 300_000,
    connectionsPerPool: 256,
    maxHeaderBytes: 64 * 1024,
  },
  throttle: { perSource: 20, overall: 1000 },
  heldBodyBytes: 256 * 1024 * 1024,
  cachedTokens: 20_000,
  rememberedProofs: 100_000,
}
