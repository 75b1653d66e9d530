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
  /** Each failure doubles that, up to this. Absent: it stays as it is. */
  readonly backoffMs?: number
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
  /** How long a source that failed like this wants to be left alone; undefined: it did not say. */
  readonly restMsOf?: (error: unknown) => number | undefined
}

/** What is known of a key, for people. */
export interface CacheState<V, P> {
  /** Absent: nothing, or a refusal. */
  readonly held?: { readonly value: V; readonly fetchedAt: number; readonly refreshAt: number }
  /** The newest answer, when it was one. */
  readonly refusal?: { readonly problem: P; readonly at: number }
  /** The newest question, when it failed. */
  readonly trouble?: { readonly error: unknown; readonly at: number; readonly retryAt: number }
}

export interface Cached<V, P> {
  /** What is known at this instant without waiting; undefined when it has to be fetched. */
  peek(key: string): Result<V, P> | undefined
  get(key: string): Promise<Result<V, P>>
  /** Whether the source will be asked again for it. */
  reconsider(key: string): boolean
  forget(key: string): void
  state(key: string): CacheState<V, P>
  /** Another number whenever `held` may have changed. */
  revision(): number
  /** Every value that is in memory, those that may not be used any more included. */
  held(): readonly V[]
}

interface Trouble {
  readonly error: unknown
  readonly at: number
  readonly retryAt: number
  /** Failures in a row. */
  readonly count: number
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
  readonly #troubles = new Map<string, Trouble>()
  #revision = 0

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

  reconsider(key: string): boolean {
    const entry = this.#entries.get(key)
    const now = this.#parts.now()
    if (entry?.answer.ok !== true) return false
    if (now - entry.askedAt < this.#parts.limits.reconsiderMs) return false
    entry.askedAt = now
    entry.expiresAt = 0
    return true
  }

  state(key: string): CacheState<V, P> {
    const entry = this.#entries.get(key)
    const trouble = this.#troubles.get(key)
    const isRefused = entry?.answer.ok === false && trouble === undefined
    return {
      ...(entry?.answer.ok === true && {
        held: {
          value: entry.answer.value,
          fetchedAt: entry.fetchedAt,
          refreshAt: entry.refreshAt,
        },
      }),
      ...(isRefused && { refusal: { problem: entry.answer.error, at: entry.fetchedAt } }),
      ...(trouble && { trouble }),
    }
  }

  revision(): number {
    return this.#revision
  }

  held(): readonly V[] {
    return [...this.#entries.values()].flatMap(({ answer }) => (answer.ok ? [answer.value] : []))
  }

  forget(key: string): void {
    this.#revision++
    this.#entries.delete(key)
    // A flight that began before may land with the old value: nobody may join or keep it.
    this.#flights.delete(key)
    this.#troubles.delete(key)
  }

  /** Refusals come and go without anybody having to look at what is held. */
  #keep(key: string, entry: Entry<V, P>): void {
    if (entry.answer.ok || this.#entries.get(key)?.answer.ok === true) this.#revision++
    this.#entries.set(key, entry)
  }

  #fly(key: string): Promise<Result<V, P>> {
    const known = this.#flights.get(key)
    if (known !== undefined) return known
    const trouble = this.#troubles.get(key)
    const now = this.#parts.now()
    // Nobody asks a source that wants to be left alone, whatever became of the former answer.
    if (trouble && now < trouble.retryAt && now >= trouble.at)
      return Promise.resolve(this.#standIn(key, trouble.retryAt) ?? err(this.#parts.unavailable))
    const flight = this.#fetch(key, () => this.#flights.get(key) === flight)
    this.#flights.set(key, flight)
    return flight
  }

  async #fetch(key: string, isWanted: () => boolean): Promise<Result<V, P>> {
    const fetched = await this.#ask(key)
    if ('error' in fetched) return this.#land(key, isWanted(), fetched.error)
    if (!isWanted()) return fetched.answer
    this.#flights.delete(key)
    this.#troubles.delete(key)
    this.#keep(key, this.#entryFor(fetched.answer))
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
    const { now: clock, onDown, unavailable } = this.#parts
    const now = clock()
    const retryAt = now + this.#restMs(key, error)
    const former = isWanted ? this.#standIn(key, retryAt) : undefined
    onDown(key, error, former !== undefined)
    const answer = former ?? err(unavailable)
    if (!isWanted) return answer
    this.#flights.delete(key)
    const count = (this.#troubles.get(key)?.count ?? 0) + 1
    this.#troubles.set(key, { error, at: now, retryAt, count })
    if (!former) this.#keep(key, refusalEntry(answer, now, retryAt))
    return answer
  }

  #restMs(key: string, error: unknown): number {
    const { limits, restMsOf, random } = this.#parts
    const { negativeMs, backoffMs = negativeMs } = limits
    const failures = this.#troubles.get(key)?.count ?? 0
    const doubled = Math.min(negativeMs * 2 ** Math.min(failures, 20), backoffMs)
    // Chance spreads those who were all turned away at once; never earlier than the source said.
    return Math.max(doubled, (restMsOf?.(error) ?? 0) * (1 + EARLY * random()))
  }

  /** The former answer, in use until the source is asked again; undefined beyond its bound. */
  #standIn(key: string, retryAt: number): Result<V, P> | undefined {
    const now = this.#parts.now()
    const entry = this.#entries.get(key)
    const mayServe = entry?.answer.ok === true && now < entry.staleUntil && now >= entry.fetchedAt
    if (!mayServe) return undefined
    entry.askedAt = now
    entry.refreshAt = retryAt
    entry.expiresAt = Math.min(Math.max(entry.expiresAt, retryAt), entry.staleUntil)
    return entry.answer
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
