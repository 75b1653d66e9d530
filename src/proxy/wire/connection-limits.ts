/** How many connections may be open, in all and from one address, over all listeners. */

export interface ConnectionBounds {
  readonly connections: number
  readonly connectionsPerSource: number
}

export type Shed = 'too many connections' | 'too many connections from one address'

export class ConnectionCount {
  readonly #bounds: ConnectionBounds
  readonly #bySource = new Map<string, number>()
  #total = 0

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds
  }

  get total(): number {
    return this.#total
  }

  /** Counts one more from there, or says why it is one too many. */
  take(source: string): Shed | undefined {
    const already = this.#bySource.get(source) ?? 0
    if (this.#total >= this.#bounds.connections) return 'too many connections'
    if (already >= this.#bounds.connectionsPerSource) return 'too many connections from one address'
    this.#total += 1
    this.#bySource.set(source, already + 1)
    return undefined
  }

  give(source: string): void {
    this.#total -= 1
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }
}
