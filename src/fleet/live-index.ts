/** Sets of what is in flight, by a name that a revocation may use. Empty sets go away. */

export interface LiveIndex<T> {
  add(name: string, live: T): void
  remove(name: string, live: T): void
  /** A copy, so that closing while cutting is safe. */
  list(name: string): readonly T[]
}

export function createLiveIndex<T>(): LiveIndex<T> {
  const byName = new Map<string, Set<T>>()
  return {
    add(name, live) {
      const lives = byName.get(name)
      if (lives) lives.add(live)
      else byName.set(name, new Set([live]))
    },
    remove(name, live) {
      const lives = byName.get(name)
      lives?.delete(live)
      if (lives?.size === 0) byName.delete(name)
    },
    list: (name) => [...(byName.get(name) ?? [])],
  }
}
