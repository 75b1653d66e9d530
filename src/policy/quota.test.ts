import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aGrant, NOW } from '../../test/support/grants.ts'
import { draw, fullBucket } from './bucket.ts'
import { createQuota } from './quota.ts'

/** A store's `reserve` over one number, a tick late, as a database is. */
function reserveFrom(total: number) {
  let left = total
  return {
    calls: 0,
    async reserve(_id: string, count: number) {
      this.calls += 1
      await Promise.resolve()
      const given = Math.min(count, left)
      left -= given
      return given
    },
  }
}

describe('createQuota', () => {
  it('lets a grant without limits pass and asks nobody', async () => {
    const store = reserveFrom(0)
    expect(await createQuota(store).take(aGrant(), NOW)).toBeUndefined()
    expect(store.calls).toBe(0)
  })

  it('allows exactly maxRequests, also when they all come at once', async () => {
    const store = reserveFrom(100)
    const quota = createQuota(store)
    const grant = aGrant({ limits: { maxRequests: 100 } })
    const taken = await Promise.all(Array.from({ length: 130 }, () => quota.take(grant, NOW)))
    expect(taken.filter((refusal) => refusal === undefined)).toHaveLength(100)
    expect(await quota.take(grant, NOW)).toEqual({
      reason: 'quota_exhausted',
      retryAfterSeconds: 3540,
    })
    expect(store.calls).toBeLessThan(40)
  })

  it('holds the rate and says when to come back', async () => {
    const quota = createQuota(reserveFrom(0))
    const grant = aGrant({ limits: { ratePerSecond: 2 } })
    const take = (now: number) => quota.take(grant, now)
    expect([await take(NOW), await take(NOW)]).toEqual([undefined, undefined])
    expect(await take(NOW)).toEqual({ reason: 'rate_limited', retryAfterSeconds: 1 })
    expect(await take(NOW + 500)).toBeUndefined()
    expect(await take(NOW + 500)).toMatchObject({ reason: 'rate_limited' })
  })

  it('gives its share of a rate where several processes serve the same agents', async () => {
    const quotas = [createQuota(reserveFrom(0), 0.5), createQuota(reserveFrom(0), 0.5)]
    const grant = aGrant({ limits: { ratePerSecond: 4 } })
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) => quotas[n % 2]!.take(grant, NOW)),
    )
    expect(taken.filter((refusal) => refusal === undefined)).toHaveLength(4)
  })

  it('fails closed and recovers when the store cannot be asked', async () => {
    let isDown = true
    const quota = createQuota({
      reserve: async (_id, count) => {
        if (isDown) throw new Error('down')
        return count
      },
    })
    const grant = aGrant({ limits: { maxRequests: 10 } })
    await expect(quota.take(grant, NOW)).rejects.toThrow('down')
    isDown = false
    expect(await quota.take(grant, NOW)).toBeUndefined()
  })

  it('forgets expired grants', async () => {
    const store = reserveFrom(100)
    const quota = createQuota(store)
    const grant = aGrant({ limits: { maxRequests: 100 } })
    await quota.take(grant, NOW)
    quota.prune(NOW)
    await quota.take(grant, NOW)
    expect(store.calls).toBe(1)
    quota.prune(grant.expiresAt)
    await quota.take(grant, NOW)
    expect(store.calls).toBe(2)
  })
})

describe('the bucket', () => {
  it('never lets more through than the rate allows over any span', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), (gaps, rate) => {
        let bucket = fullBucket(rate, NOW)
        let now = NOW
        let allowed = 0
        for (const gap of gaps) {
          now += gap
          const drawn = draw(bucket, rate, now)
          bucket = drawn.bucket
          if (drawn.allowed) allowed += 1
        }
        return allowed <= rate + ((now - NOW) / 1000) * rate + 1e-6
      }),
    )
  })

  it('allows a rate below one per second one request at a time', () => {
    const first = draw(fullBucket(0.1, NOW), 0.1, NOW)
    expect(first.allowed).toBe(true)
    expect(draw(first.bucket, 0.1, NOW)).toMatchObject({ allowed: false, retryAfterSeconds: 10 })
    expect(draw(first.bucket, 0.1, NOW + 10_000).allowed).toBe(true)
  })

  it('adds nothing when the clock goes back', () => {
    const { bucket } = draw(fullBucket(1, NOW), 1, NOW)
    expect(draw(bucket, 1, NOW - 60_000).allowed).toBe(false)
  })
})
