/** The limits of the configuration in the words of the data plane. */

import type { LimitSettings } from '../config/limits.ts'
import { DEFAULT_LIMITS, type DataPlaneLimits } from '../proxy/limits.ts'

export function planeLimits(limits: LimitSettings): DataPlaneLimits {
  return {
    ...DEFAULT_LIMITS,
    wire: wireLimits(limits),
    upstream: upstreamLimits(limits),
    heldBodyBytes: limits.bufferedBodiesBytes,
  }
}

function wireLimits(limits: LimitSettings): DataPlaneLimits['wire'] {
  return {
    maxHeaderBytes: limits.headBytes,
    maxFields: limits.headFields,
    maxTargetBytes: limits.urlBytes,
    maxBodyBytes: limits.requestBodyBytes,
    headTimeoutMs: limits.headTimeoutMs,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: limits.sendIdleTimeoutMs,
    idleConnectionMs: limits.idleConnectionMs,
    totalTimeoutMs: limits.totalTimeoutMs,
    connections: limits.connections,
    connectionsPerSource: limits.connectionsPerSource,
    drainMs: limits.drainMs,
    drainBytes: DEFAULT_LIMITS.wire.drainBytes,
  }
}

function upstreamLimits(limits: LimitSettings): DataPlaneLimits['upstream'] {
  const { upstream } = DEFAULT_LIMITS
  return {
    ...upstream,
    connectTimeoutMs: limits.connectTimeoutMs,
    headTimeoutMs: limits.firstByteTimeoutMs,
    bodyIdleTimeoutMs: limits.answerIdleTimeoutMs,
    queueTimeoutMs: limits.upstreamQueueTimeoutMs,
    idleTimeoutMs: limits.upstreamIdleMs,
    maxAgeMs: limits.upstreamMaxAgeMs,
    connectionsPerPool: limits.upstreamConnections,
    maxQueued: limits.upstreamQueue,
    breaker: {
      ...upstream.breaker,
      failures: limits.circuitFailures,
      maxOpenMs: limits.circuitOpenMs,
    },
  }
}
