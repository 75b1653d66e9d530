/** How much of the disk the audit may use; the last tenth is for what must not stop. */

export interface QuotaParts {
  /** Undefined: as much as there is. */
  readonly limitBytes: number | undefined
  /** Bytes of all files of the audit. */
  readonly measure: () => Promise<number>
  readonly onHigh: (usedBytes: number) => void
  /** Other processes write too: the disk is looked at now and then, not only after a no. */
  readonly isShared?: boolean
}

/** Who asks: `essential` are intents and operators' changes, `other` are refusals and counts. */
export type QuotaUse = 'essential' | 'other'

const RESERVE = 0.1
const ALARM = 0.8
const MEASURE_INTERVAL_MS = 1000
const SHARED_INTERVAL_MS = 5000

export class Quota {
  readonly #parts: QuotaParts
  readonly #limit: number
  #used = 0
  #isHigh = false
  #measuredAt = Number.NEGATIVE_INFINITY

  constructor(parts: QuotaParts) {
    this.#parts = parts
    this.#limit = parts.limitBytes ?? Number.POSITIVE_INFINITY
  }

  get usedBytes(): number {
    return this.#used
  }

  /** Looks at the disk. */
  async measure(): Promise<void> {
    this.#used = await this.#parts.measure()
    this.grow(0)
  }

  grow(bytes: number): void {
    this.#used += bytes
    const isHigh = this.#used > this.#limit * ALARM
    if (isHigh && !this.#isHigh) this.#parts.onHigh(this.#used)
    this.#isHigh = isHigh
    if (this.#parts.isShared === true && bytes > 0) this.#measureAgain(SHARED_INTERVAL_MS)
  }

  /** Never waits. After a no it looks at the disk again: somebody may have made room. */
  allows(use: QuotaUse): boolean {
    const limit = use === 'essential' ? this.#limit : this.#limit * (1 - RESERVE)
    if (this.#used < limit) return true
    this.#measureAgain(MEASURE_INTERVAL_MS)
    return false
  }

  #measureAgain(intervalMs: number): void {
    const now = performance.now()
    if (now - this.#measuredAt < intervalMs) return
    this.#measuredAt = now
    this.measure().catch(() => undefined) // the next refusal asks again
  }
}
