/**
 * Answers with a deadline: one fetch in flight per key, refreshed early in the background, and
 * kept in use for a stated time when their source is down. Knows nothing of secrets.
 */

import type { Now } from '../base/clock.ts'
import { err, ok, type Result } from '../base/result.ts'

export interface Lifetime {
  /** An answer is used this long without asking again. */
  readonly freshMs: number
  /** And, only while its source is down, this much longer. */
  readonly staleMs: number
}

export interface CacheLimits {
  /** How long a refusal is repeated, and how soon a failed refresh is tried again. */
  readonly negativeMs: number
  /** `reconsider` asks again at most once in this time. */
  readonly reconsiderMs: number
}

export interface CacheParts<V, P> {
  /** A refusal ends the former value's life; a throw means that the source is down. */
  readonly fetch: (key: string) => Promise<Result<V, P>>
  readonly lifetimeOf: (value: V) => Lifetime
  /** What is told when the source is down and no answer may be used any more. */
  readonly unavailable: P
  readonly limits: CacheLimits
  readonly now: Now
  /** Uniform in [0, 1): spreads the refreshes of many keys and replicas. */
  readonly random: () => number
  readonly onDown: (key: string, error: unknown, isStaleUsed: boolean) => void
}

export interface Cached<V, P> {
  /** What is known at this instant without waiting; undefined when it has to be fetched. */
  peek(key: string): Result<V, P> | undefined
  get(key: string): Promise<Result<V, P>>
  reconsider(key: string): void
  forget(key: string): void
}

interface Entry<V, P> {
  readonly answer: Result<V, P>
  readonly fetchedAt: number
  /** When the source was last asked, or is about to be because somebody doubts the answer. */
  askedAt: number
  /** From here on a look starts a refresh in the background. */
  refreshAt: number
  expiresAt: number
  /** End of use while the source is down. */
  readonly staleUntil: number
}

export function createCache<V, P>(parts: CacheParts<V, P>): Cached<V, P> {
  return new Cache(parts)
}

/** Refreshes begin in the last fifth of an answer's life. */
const EARLY = 0.2

class Cache<V, P> implements Cached<V, P> {
  readonly #parts: CacheParts<V, P>
  readonly #entries = new Map<string, Entry<V, P>>()
  readonly #flights = new Map<string, Promise<Result<V, P>>>()

  constructor(parts: CacheParts<V, P>) {
    this.#parts = parts
  }

  peek(key: string): Result<V, P> | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const now = this.#parts.now()
    // A clock that went back says nothing about the age of an answer.
    if (now >= entry.expiresAt || now < entry.fetchedAt) return undefined
    if (now >= entry.refreshAt) void this.#fly(key)
    return entry.answer
  }

  get(key: string): Promise<Result<V, P>> {
    const known = this.peek(key)
    return known === undefined ? this.#fly(key) : Promise.resolve(known)
  }

  reconsider(key: string): void {
    const entry = this.#entries.get(key)
    const now = this.#parts.now()
    if (entry?.answer.ok !== true) return
    if (now - entry.askedAt < this.#parts.limits.reconsiderMs) return
    entry.askedAt = now
    entry.expiresAt = 0
  }

  forget(key: string): void {
    this.#entries.delete(key)
    // A flight that began before may land with the old value: nobody may join or keep it.
    this.#flights.delete(key)
  }

  #fly(key: string): Promise<Result<V, P>> {
    const known = this.#flights.get(key)
    if (known !== undefined) return known
    const flight = this.#fetch(key, () => this.#flights.get(key) === flight)
    this.#flights.set(key, flight)
    return flight
  }

  async #fetch(key: string, isWanted: () => boolean): Promise<Result<V, P>> {
    const fetched = await this.#ask(key)
    if ('error' in fetched) return this.#land(key, isWanted(), fetched.error)
    if (!isWanted()) return fetched.answer
    this.#flights.delete(key)
    this.#entries.set(key, this.#entryFor(fetched.answer))
    return fetched.answer
  }

  async #ask(key: string): Promise<{ answer: Result<V, P> } | { error: unknown }> {
    try {
      return { answer: await this.#parts.fetch(key) }
    } catch (error) {
      return { error }
    }
  }

  /** The source is down: the former answer serves on while it may, else a refusal for a moment. */
  #land(key: string, isWanted: boolean, error: unknown): Result<V, P> {
    const now = this.#parts.now()
    const retryAt = now + this.#parts.limits.negativeMs
    const entry = isWanted ? this.#entries.get(key) : undefined
    const mayServe = entry?.answer.ok === true && now < entry.staleUntil && now >= entry.fetchedAt
    this.#parts.onDown(key, error, mayServe)
    if (isWanted) this.#flights.delete(key)
    if (mayServe) {
      entry.askedAt = now
      entry.refreshAt = retryAt
      entry.expiresAt = Math.min(Math.max(entry.expiresAt, retryAt), entry.staleUntil)
      return entry.answer
    }
    const answer = err(this.#parts.unavailable)
    if (isWanted) this.#entries.set(key, refusalEntry(answer, now, retryAt))
    return answer
  }

  #entryFor(answer: Result<V, P>): Entry<V, P> {
    const { limits, lifetimeOf, now, random } = this.#parts
    const fetchedAt = now()
    if (!answer.ok) return refusalEntry(answer, fetchedAt, fetchedAt + limits.negativeMs)
    const { freshMs, staleMs } = lifetimeOf(answer.value)
    return {
      answer: ok(answer.value),
      fetchedAt,
      askedAt: fetchedAt,
      refreshAt: fetchedAt + freshMs * (1 - EARLY * random()),
      expiresAt: fetchedAt + freshMs,
      staleUntil: fetchedAt + freshMs + staleMs,
    }
  }
}

function refusalEntry<V, P>(answer: Result<V, P>, at: number, until: number): Entry<V, P> {
  return {
    answer,
    fetchedAt: at,
    askedAt: at,
    refreshAt: until,
    expiresAt: until,
    staleUntil: until,
  }
}
