import { beforeEach, describe, expect, it } from 'vitest'
import { createSessionCache, type SessionCache } from './session-cache.ts'

const session = (text: string): Buffer => Buffer.from(text)
const textOf = (peer: string) => cache.take(peer)?.session.toString()
let now: number
let cache: SessionCache

beforeEach(() => {
  now = 0
  cache = createSessionCache(() => now, { peers: 2, sessionsPerPeer: 2, maxAgeMs: 1000 })
})

describe('kept TLS sessions', () => {
  it('are given once, the newest first', () => {
    for (const text of ['a', 'b']) cache.put('peer', session(text))
    expect([1, 2, 3].map(() => textOf('peer'))).toEqual(['b', 'a', undefined])
  })

  it('are given again when they were good, after the fresh ones, and no longer than those', () => {
    cache.put('peer', session('a'))
    const used = cache.take('peer')
    now = 500
    if (used) cache.restore('peer', used)
    cache.put('peer', session('b'))
    expect([textOf('peer'), textOf('peer')]).toEqual(['b', 'a'])
    now = 1000
    if (used) cache.restore('peer', used)
    expect(textOf('peer')).toBeUndefined()
  })

  it('are of this peer only', () => {
    cache.put('peer', session('a'))
    expect(cache.take('other')).toBeUndefined()
  })

  it('are forgotten after a while', () => {
    cache.put('peer', session('a'))
    now = 999
    cache.put('peer', session('b'))
    now = 1000
    expect(textOf('peer')).toBe('b')
    expect(cache.take('peer')).toBeUndefined()
  })

  it('are few, for few peers', () => {
    for (const text of ['a', 'b', 'c']) cache.put('first', session(text))
    expect([1, 2, 3].map(() => textOf('first'))).toEqual(['c', 'b', undefined])
    for (const peer of ['first', 'second', 'first', 'third']) cache.put(peer, session(peer))
    expect(cache.take('second')).toBeUndefined()
    expect(textOf('third')).toBe('third')
    expect(textOf('first')).toBe('first')
  })
})
