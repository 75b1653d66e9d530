import { setImmediate as macrotask } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { err, ok, type Result } from '../base/result.ts'
import { createCache, type Cached, type CacheParts } from './cached.ts'

let now: number
let fetches: string[]
let answer: () => Promise<Result<string, string>>
let down: { key: string; isStaleUsed: boolean }[]
let cache: Cached<string, string>

const parts = (): CacheParts<string, string> => ({
  fetch: (key) => {
    fetches.push(key)
    return answer()
  },
  lifetimeOf: () => ({ freshMs: 1000, staleMs: 500 }),
  unavailable: 'down',
  limits: { negativeMs: 100, reconsiderMs: 300 },
  now: () => now,
  random: () => 1,
  onDown: (key, _error, isStaleUsed) => down.push({ key, isStaleUsed }),
})

beforeEach(() => {
  now = 1_000_000
  fetches = []
  down = []
  answer = () => Promise.resolve(ok('one'))
  cache = createCache(parts())
})

const fail = () => Promise.reject(new Error('no connection'))

describe('AV-08 a cached answer', () => {
  it('is fetched once however many ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 5000 }, () => cache.get('stripe')))
    expect(new Set(all.map((result) => result.ok && result.value))).toEqual(new Set(['one']))
    expect(fetches).toEqual(['stripe'])
  })

  it('is known without waiting while it is fresh, and not before', async () => {
    expect(cache.peek('stripe')).toBeUndefined()
    expect(fetches).toEqual([])
    await cache.get('stripe')
    now += 799
    expect(cache.peek('stripe')).toEqual(ok('one'))
    expect(fetches).toHaveLength(1)
  })

  it('is refreshed early in the background while the old one serves', async () => {
    await cache.get('stripe')
    answer = () => Promise.resolve(ok('two'))
    now += 800
    expect(cache.peek('stripe')).toEqual(ok('one'))
    expect(await cache.get('stripe')).toEqual(ok('one'))
    expect(fetches).toHaveLength(2)
    await macrotask()
    expect(cache.peek('stripe')).toEqual(ok('two'))
  })

  it('is refreshed at a moment that chance spreads over the last fifth', async () => {
    cache = createCache({ ...parts(), random: () => 0.25 })
    await cache.get('stripe')
    now += 949
    cache.peek('stripe')
    expect(fetches).toHaveLength(1)
    now += 1
    cache.peek('stripe')
    expect(fetches).toHaveLength(2)
  })

  it('is waited for once it has expired', async () => {
    await cache.get('stripe')
    answer = () => Promise.resolve(ok('two'))
    now += 1000
    expect(cache.peek('stripe')).toBeUndefined()
    expect(await cache.get('stripe')).toEqual(ok('two'))
  })

  it('is not believed when the clock went back', async () => {
    await cache.get('stripe')
    now -= 1
    expect(cache.peek('stripe')).toBeUndefined()
  })

  it('never expires where its life has no end', async () => {
    cache = createCache({ ...parts(), lifetimeOf: () => ({ freshMs: Infinity, staleMs: 0 }) })
    await cache.get('stripe')
    now += 1e12
    expect(cache.peek('stripe')).toEqual(ok('one'))
    expect(fetches).toHaveLength(1)
  })
})

describe('a refusal', () => {
  it('AV-08 is repeated for a moment only', async () => {
    answer = () => Promise.resolve(err('none'))
    expect(await cache.get('stripe')).toEqual(err('none'))
    now += 99
    expect(await cache.get('stripe')).toEqual(err('none'))
    expect(fetches).toHaveLength(1)
    now += 1
    answer = () => Promise.resolve(ok('one'))
    expect(await cache.get('stripe')).toEqual(ok('one'))
  })

  it('ends the life of the former answer at once', async () => {
    await cache.get('stripe')
    answer = () => Promise.resolve(err('none'))
    now += 1000
    expect(await cache.get('stripe')).toEqual(err('none'))
  })
})

describe('a source that is down', () => {
  it('is a refusal when nothing was known, asked again after a moment', async () => {
    answer = fail
    expect(await cache.get('stripe')).toEqual(err('down'))
    expect(await cache.get('stripe')).toEqual(err('down'))
    expect(fetches).toHaveLength(1)
    expect(down).toEqual([{ key: 'stripe', isStaleUsed: false }])
    now += 100
    answer = () => Promise.resolve(ok('one'))
    expect(await cache.get('stripe')).toEqual(ok('one'))
  })

  it('lets the former answer serve, but not beyond its bound', async () => {
    await cache.get('stripe')
    answer = fail
    now += 1400
    expect(await cache.get('stripe')).toEqual(ok('one'))
    expect(down).toEqual([{ key: 'stripe', isStaleUsed: true }])
    expect(cache.peek('stripe')).toEqual(ok('one'))
    now += 99
    expect(cache.peek('stripe')).toEqual(ok('one'))
    now += 1
    expect(cache.peek('stripe')).toBeUndefined()
    expect(await cache.get('stripe')).toEqual(err('down'))
  })

  it('does not shorten the life of an answer that was only to be refreshed early', async () => {
    await cache.get('stripe')
    answer = fail
    now += 850
    expect(await cache.get('stripe')).toEqual(ok('one'))
    await macrotask()
    now += 149
    expect(cache.peek('stripe')).toEqual(ok('one'))
  })

  it('is asked at most once in a moment while the former answer serves', async () => {
    await cache.get('stripe')
    answer = fail
    now += 1200
    for (let i = 0; i < 50; i++) await cache.get('stripe')
    expect(fetches).toHaveLength(2)
  })
})

describe('a doubt', () => {
  it('makes the next question ask again, once in a while', async () => {
    await cache.get('stripe')
    now += 299
    cache.reconsider('stripe')
    expect(cache.peek('stripe')).toEqual(ok('one'))
    now += 1
    answer = () => Promise.resolve(ok('two'))
    cache.reconsider('stripe')
    expect(await cache.get('stripe')).toEqual(ok('two'))
    cache.reconsider('stripe')
    await cache.get('stripe')
    expect(fetches).toHaveLength(2)
  })

  it('does not let an agent that provokes it hammer a source that is down', async () => {
    await cache.get('stripe')
    answer = fail
    now += 300
    for (let i = 0; i < 50; i++) {
      cache.reconsider('stripe')
      expect(await cache.get('stripe')).toEqual(ok('one'))
    }
    expect(fetches).toHaveLength(2)
  })

  it('about what is unknown changes nothing', () => {
    cache.reconsider('stripe')
    expect(cache.peek('stripe')).toBeUndefined()
  })
})

describe('forgetting', () => {
  it('makes the next question ask again', async () => {
    await cache.get('stripe')
    cache.forget('stripe')
    expect(cache.peek('stripe')).toBeUndefined()
  })

  it('keeps a fetch that began before from bringing the old value back', async () => {
    const slow = Promise.withResolvers<Result<string, string>>()
    answer = () => slow.promise
    const before = cache.get('stripe')
    cache.forget('stripe')
    answer = () => Promise.resolve(ok('new'))
    expect(await cache.get('stripe')).toEqual(ok('new'))
    slow.resolve(ok('old'))
    expect(await before).toEqual(ok('old'))
    expect(cache.peek('stripe')).toEqual(ok('new'))
  })

  it('keeps a fetch that began before and failed from spoiling the new value', async () => {
    const slow = Promise.withResolvers<Result<string, string>>()
    answer = () => slow.promise
    const before = cache.get('stripe')
    cache.forget('stripe')
    answer = () => Promise.resolve(ok('new'))
    await cache.get('stripe')
    slow.reject(new Error('no connection'))
    expect(await before).toEqual(err('down'))
    expect(cache.peek('stripe')).toEqual(ok('new'))
  })
})

describe('a source that wants to be left alone', () => {
  it('is not asked before, whether or not the former answer serves', async () => {
    cache = createCache({ ...parts(), random: () => 0, restMsOf: () => 5000 })
    await cache.get('stripe')
    answer = fail
    now += 1000
    expect(await cache.get('stripe')).toEqual(ok('one'))
    now += 499
    expect(await cache.get('stripe')).toEqual(ok('one'))
    now += 1
    expect(await cache.get('stripe')).toEqual(err('down'))
    expect(fetches).toHaveLength(2)
    answer = () => Promise.resolve(ok('two'))
    now += 4499
    expect(await cache.get('stripe')).toEqual(err('down'))
    now += 1
    expect(await cache.get('stripe')).toEqual(ok('two'))
  })

  it('is asked ever more rarely while it fails, up to a bound, and at once after success', async () => {
    const limits = { ...parts().limits, backoffMs: 350 }
    cache = createCache({ ...parts(), limits })
    answer = fail
    const waits: number[] = []
    for (let round = 0; round < 4; round++) {
      const before = fetches.length
      const since = now
      while (fetches.length === before) {
        await cache.get('stripe')
        now += 10
      }
      waits.push(now - since)
    }
    expect(waits).toEqual([10, 100, 200, 350])
  })

  it('AV-08 5,000 that come at the end of an answer cause one fetch', async () => {
    await cache.get('stripe')
    now += 1000
    const flight = Promise.withResolvers<ReturnType<typeof ok<string>>>()
    answer = () => flight.promise
    const all = Array.from({ length: 5000 }, () => cache.get('stripe'))
    flight.resolve(ok('two'))
    expect(new Set((await Promise.all(all)).map((given) => given.ok && given.value))).toEqual(
      new Set(['two']),
    )
    expect(fetches).toHaveLength(2)
  })

  it('tells people what it knows, until it is forgotten', async () => {
    await cache.get('stripe')
    answer = fail
    now += 1000
    await cache.get('stripe')
    expect(cache.state('stripe')).toMatchObject({
      held: { value: 'one', fetchedAt: now - 1000, refreshAt: now + 100 },
      trouble: { at: now, retryAt: now + 100 },
    })
    cache.forget('stripe')
    expect(cache.state('stripe')).toEqual({})
  })
  it('tells people of a refusal, until there is an answer or other trouble', async () => {
    answer = () => Promise.resolve(err('none'))
    await cache.get('stripe')
    expect(cache.state('stripe')).toEqual({ refusal: { problem: 'none', at: now } })
    now += 100
    answer = fail
    await cache.get('stripe')
    expect(cache.state('stripe')).toMatchObject({ trouble: { at: now } })
    expect(cache.state('stripe')).not.toHaveProperty('refusal')
    now += 100
    answer = () => Promise.resolve(ok('one'))
    await cache.get('stripe')
    expect(cache.state('stripe')).toEqual({ held: expect.anything() as unknown })
  })
})
