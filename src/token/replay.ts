/**
 * Which DPoP proofs were seen (RFC 9449 section 11.1). In memory: a proof names a URL of this
 * process and lives for seconds, so a restart forgets nothing that is still worth replaying
 * longer than the proof's own window.
 */

export interface Replay {
  /**
   * Remembers a proof until `expiresAt`; true the first time. Also false when there is no room
   * for another one, because a proof that cannot be remembered cannot be used once. A promise
   * where the memory is that of several processes.
   */
  claim(proofId: string, expiresAt: number, now: number): boolean | Promise<boolean>
}

/** Builds an empty memory for at most `capacity` live proofs. */
export function createReplay(capacity: number): Replay {
  const seen = new Map<string, number>()
  return {
    claim(proofId, expiresAt, now) {
      const until = seen.get(proofId)
      if (until !== undefined && now < until) return false
      if (seen.size >= capacity) forgetExpired(seen, now)
      if (seen.size >= capacity) return false
      seen.delete(proofId)
      seen.set(proofId, expiresAt)
      return true
    },
  }
}

function forgetExpired(seen: Map<string, number>, now: number): void {
  for (const [proofId, until] of seen) if (until <= now) seen.delete(proofId)
}
