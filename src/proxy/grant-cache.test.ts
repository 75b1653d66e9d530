import { describe, expect, it } from 'vitest'
import { aGrant } from '../../test/support/grants.ts'
import { createGrantCache } from './grant-cache.ts'

describe('the grant cache', () => {
  it('gives back what it keeps, the newest of it', () => {
    const cache = createGrantCache(10)
    cache.keep('a', aGrant({ id: 'tok_1' }))
    cache.keep('a', aGrant({ id: 'tok_2' }))
    expect(cache.find('a')?.id).toBe('tok_2')
    expect(cache.find('b')).toBeUndefined()
  })

  it('never holds more than its capacity, and forgets what is not used', () => {
    const cache = createGrantCache(10)
    const names = Array.from({ length: 100 }, (_, index) => `t${index}`)
    cache.keep('used', aGrant())
    for (const name of names) {
      cache.keep(name, aGrant())
      expect(cache.find('used')).toBeDefined()
    }
    expect(names.filter((name) => cache.find(name)).length).toBeLessThanOrEqual(10)
    expect(cache.find('t0')).toBeUndefined()
  })
})
