/** Which tokens are held at the moment, from holds and resumptions in whatever order they arrive. */

import type { HoldChange } from '../policy/revocation-log.ts'

export interface Holds {
  /** Whether it counts: for each token that is the one with the highest number. */
  apply(change: HoldChange): boolean
  /** Epoch ms since when this token or the first of these ancestors is held. */
  since(id: string, chain: readonly string[]): number | undefined
  prune(changedBefore: number): void
}

export function createHolds(): Holds {
  const latest = new Map<string, HoldChange>()
  const sinceOf = (id: string): number | undefined => {
    const change = latest.get(id)
    return change?.kind === 'hold' ? change.at : undefined
  }
  const isHeld = (id: string): boolean => sinceOf(id) !== undefined
  return {
    apply(change) {
      const known = latest.get(change.id)
      if (known && known.sequence >= change.sequence) return false
      latest.set(change.id, change)
      return true
    },
    since(id, chain) {
      if (latest.size === 0) return undefined
      const held = isHeld(id) ? id : chain.find(isHeld)
      return held === undefined ? undefined : sinceOf(held)
    },
    prune(changedBefore) {
      for (const [id, { at }] of latest) if (at < changedBefore) latest.delete(id)
    },
  }
}
