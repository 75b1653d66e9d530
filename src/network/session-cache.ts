/**
 * TLS sessions to take up again: a resumed handshake costs neither side a signature, and in TLS
 * 1.2 one round trip less.
 *
 * A resumed session is not verified anew, so it is kept under all that its verification depended
 * on, and forgotten after a while. Fresh ones are taken first (RFC 8446 C.4); used ones are still
 * good, and all there is where a server gives no successor.
 */

export interface KeptSession {
  readonly session: Buffer
  readonly at: number
}

export interface SessionCache {
  /** A session for this peer, which is then no longer here. */
  take(peer: string): KeptSession | undefined
  put(peer: string, session: Buffer): void
  /** Puts a session back that was taken up with success. */
  restore(peer: string, used: KeptSession): void
}

export interface SessionCacheLimits {
  readonly peers: number
  readonly sessionsPerPeer: number
  /** A certificate that expires or is withdrawn is noticed after this time at the latest. */
  readonly maxAgeMs: number
}

const LIMITS: SessionCacheLimits = { peers: 128, sessionsPerPeer: 8, maxAgeMs: 3_600_000 }

export function createSessionCache(now: () => number, limits = LIMITS): SessionCache {
  const sessions = new Map<string, KeptSession[]>()

  /** Moves it behind the others, so that the peer that was silent for longest goes first. */
  function keep(peer: string, kept: KeptSession[]): void {
    sessions.delete(peer)
    sessions.set(peer, kept)
    const [oldest] = sessions.keys()
    if (sessions.size > limits.peers && oldest !== undefined) sessions.delete(oldest)
  }

  return {
    take(peer) {
      for (let kept; (kept = sessions.get(peer)?.pop());)
        if (now() - kept.at < limits.maxAgeMs) return kept
      sessions.delete(peer)
      return undefined
    },
    put(peer, session) {
      const kept = [...(sessions.get(peer) ?? []), { session, at: now() }]
      keep(peer, kept.slice(-limits.sessionsPerPeer))
    },
    restore(peer, used) {
      const kept = [used, ...(sessions.get(peer) ?? [])]
      keep(peer, kept.slice(-limits.sessionsPerPeer))
    },
  }
}
