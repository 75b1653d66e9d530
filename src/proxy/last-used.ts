/** When each token was last used: noted per request in memory, written back in batches. */

import type { Log } from '../base/log.ts'
import type { GrantStore } from '../policy/grant-store.ts'

export interface LastUsed {
  note(grantId: string, at: number): void
  /** Writes what is noted; a failure is logged and the notes are kept for the next time. */
  flush(): Promise<void>
}

/** Builds the notebook over a store's `touch`. */
export function createLastUsed(grants: Pick<GrantStore, 'touch'>, log: Log): LastUsed {
  let noted = new Map<string, number>()
  return {
    note(grantId, at) {
      noted.set(grantId, at)
    },
    async flush() {
      if (noted.size === 0) return
      const batch = noted
      noted = new Map()
      try {
        await grants.touch(batch)
      } catch {
        log.warn('last_used_not_written', { grants: batch.size })
        noted = new Map([...batch, ...noted])
      }
    },
  }
}
