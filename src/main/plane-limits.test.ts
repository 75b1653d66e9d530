import { describe, expect, it } from 'vitest'
import { limitSettings } from '../config/limits.ts'
import { DEFAULT_LIMITS } from '../proxy/limits.ts'
import { planeLimits } from './plane-limits.ts'

describe('the limits of the configuration', () => {
  it('are by default those of the data plane', () => {
    expect(planeLimits(limitSettings())).toEqual(DEFAULT_LIMITS)
  })

  it('reach the wire and the upstreams', () => {
    const limits = planeLimits(limitSettings({ head_size: 16_384, circuit_failures: 2 }))
    expect(limits.wire.maxHeaderBytes).toBe(16_384)
    expect(limits.upstream.breaker.failures).toBe(2)
  })
})
