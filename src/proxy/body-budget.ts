/**
 * How many bytes of request bodies this process holds in memory at once: over all requests, and
 * for one agent, so that none of them can use up the whole (AV-03).
 */

/** One agent's way to the budget. */
export interface BodyShare {
  /** False when there is no room; then nothing was taken. */
  take(bytes: number): boolean
  give(bytes: number): void
}

export interface BodyBudget {
  shareOf(agent: string): BodyShare
}

/** One agent may hold this part of the whole. */
const SHARE = 1 / 4

/** Builds a budget of `capacity` bytes. */
export function createBodyBudget(capacity: number): BodyBudget {
  const held = new Map<string, number>()
  let total = 0
  const change = (agent: string, bytes: number): void => {
    total += bytes
    const now = (held.get(agent) ?? 0) + bytes
    if (now > 0) held.set(agent, now)
    else held.delete(agent)
  }
  return {
    shareOf: (agent) => ({
      take(bytes) {
        const isFull = total + bytes > capacity
        if (isFull || (held.get(agent) ?? 0) + bytes > capacity * SHARE) return false
        change(agent, bytes)
        return true
      },
      give(bytes) {
        change(agent, -bytes)
      },
    }),
  }
}
