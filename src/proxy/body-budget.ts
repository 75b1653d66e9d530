/** How many bytes of request bodies this process holds in memory at once, over all requests. */

export interface BodyBudget {
  /** False when there is no room; then nothing was taken. */
  take(bytes: number): boolean
  give(bytes: number): void
}

/** Builds a budget of `capacity` bytes. */
export function createBodyBudget(capacity: number): BodyBudget {
  let held = 0
  return {
    take(bytes) {
      if (held + bytes > capacity) return false
      held += bytes
      return true
    },
    give(bytes) {
      held -= bytes
    },
  }
}
