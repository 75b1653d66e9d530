/**
 * Recognised tokens by their raw text, so that an agent's second request costs no digest and no
 * look-up. It holds grants, not verdicts: expiry and revocation are asked anew each time.
 */

import type { StoredGrant } from '../policy/grant-store.ts'

export interface GrantCache {
  find(presented: string): StoredGrant | undefined
  keep(presented: string, grant: StoredGrant): void
}

/**
 * Bounded by two generations: when the young one is full it becomes the old one, and what is used
 * out of the old one moves back. At most `capacity` tokens, the least used ones forgotten first.
 */
export function createGrantCache(capacity: number): GrantCache {
  let young = new Map<string, StoredGrant>()
  let old = new Map<string, StoredGrant>()

  function keep(presented: string, grant: StoredGrant): void {
    if (young.size >= capacity / 2) {
      old = young
      young = new Map()
    }
    young.set(presented, grant)
  }

  return {
    find(presented) {
      const grant = young.get(presented)
      if (grant) return grant
      const former = old.get(presented)
      if (former) keep(presented, former)
      return former
    },
    keep,
  }
}
