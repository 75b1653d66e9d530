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

  /** Counts one more from there, or says why it is one too many; without a source, in all only. */
  take(source: string | undefined): Shed | undefined {
    const already = source === undefined ? 0 : (this.#bySource.get(source) ?? 0)
    if (this.#total >= this.#bounds.connections) return 'too many connections'
    if (already >= this.#bounds.connectionsPerSource) return 'too many connections from one address'
    this.#total += 1
    if (source !== undefined) this.#bySource.set(source, already + 1)
    return undefined
  }

  give(source: string | undefined): void {
    this.#total -= 1
    if (source === undefined) return
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }
}
