import { describe, expect, it } from 'vitest'
import { ABANDONED_CLAIM_MS, IDEMPOTENCY_WINDOW_MS } from '../../src/policy/idempotency.ts'
import { NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const entry = (at = NOW) => ({ key: 'key', requestDigest: 'request', at })
const claimed = { state: 'claimed' }

describe.each(STORE_KINDS)('an idempotency store %s', (_kind, open) => {
  it('gives a key to the first who claims it', async () => {
    const { idempotency } = open()
    expect(await idempotency.claim(entry())).toEqual(claimed)
    const running = { state: 'running', requestDigest: 'request' }
    expect(await idempotency.claim({ ...entry(), requestDigest: 'other' })).toEqual(running)
    expect(await idempotency.claim({ ...entry(), key: 'other' })).toEqual(claimed)
  })

  it('keeps a completed answer for a day', async () => {
    const { idempotency } = open()
    await idempotency.claim(entry())
    await idempotency.complete('key', 'sealed')
    const complete = { state: 'complete', requestDigest: 'request', sealedAnswer: 'sealed' }
    expect(await idempotency.claim(entry(NOW + 1))).toEqual(complete)
    expect(await idempotency.claim(entry(NOW + IDEMPOTENCY_WINDOW_MS - 1))).toEqual(complete)
    expect(await idempotency.claim(entry(NOW + IDEMPOTENCY_WINDOW_MS))).toEqual(claimed)
  })

  it('gives up a claim that nobody completed after a minute', async () => {
    const { idempotency } = open()
    await idempotency.claim(entry())
    const last = NOW + ABANDONED_CLAIM_MS - 1
    expect(await idempotency.claim(entry(last))).toMatchObject({ state: 'running' })
    expect(await idempotency.claim(entry(last + 1))).toEqual(claimed)
  })

  it('frees a key when its creation failed, but never a completed one', async () => {
    const { idempotency } = open()
    await idempotency.claim(entry())
    await idempotency.release('key')
    expect(await idempotency.claim(entry())).toEqual(claimed)
    await idempotency.complete('key', 'sealed')
    await idempotency.release('key')
    expect(await idempotency.claim(entry())).toMatchObject({ state: 'complete' })
  })

  it('lets one of many win', async () => {
    const { idempotency } = open()
    const claims = await Promise.all(Array.from({ length: 20 }, () => idempotency.claim(entry())))
    expect(claims.filter(({ state }) => state === 'claimed')).toHaveLength(1)
  })
})
