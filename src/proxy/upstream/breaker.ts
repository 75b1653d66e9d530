/**
 * A circuit breaker as a state machine without a clock (AV-04): a dead upstream costs its callers
 * a connection attempt each only until it has failed often enough in a row.
 *
 *     state     event                        then
 *     closed    failure, the nth in a row    open, for a while
 *     open      a request when it is time    probing: this request is the probe
 *     probing   failure                      open, for twice as long
 *     probing   the probe was given up       open, due at once: the next request is the probe
 *     any       success                      closed, all forgotten
 */

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failures: number
  /** How long it is open at first. */
  readonly openMs: number
  readonly maxOpenMs: number
}

export class Breaker {
  readonly #limits: BreakerLimits
  #state: 'closed' | 'open' | 'probing' = 'closed'
  #failures = 0
  #openings = 0
  #until = 0

  constructor(limits: BreakerLimits) {
    this.#limits = limits
  }

  get state(): 'closed' | 'open' | 'probing' {
    return this.#state
  }

  /** 0 lets a request pass, as the probe when the state is `probing` then; else the time to wait. */
  admit(now: number): number {
    if (this.#state === 'closed') return 0
    if (this.#state === 'probing') return this.#limits.openMs
    if (now < this.#until) return this.#until - now
    this.#state = 'probing'
    return 0
  }

  succeed(): void {
    this.#state = 'closed'
    this.#failures = 0
    this.#openings = 0
  }

  /** True when this failure opened it. */
  fail(now: number): boolean {
    if (this.#state === 'open') return false
    this.#failures += 1
    if (this.#state === 'closed' && this.#failures < this.#limits.failures) return false
    const { openMs, maxOpenMs } = this.#limits
    this.#until = now + Math.min(maxOpenMs, openMs * 2 ** this.#openings)
    this.#openings += 1
    this.#state = 'open'
    return true
  }

  /** The probe ended and told nothing about the upstream. */
  abandon(): void {
    if (this.#state === 'probing') this.#state = 'open'
  }
}
