/** Lists that may be endless, cut where nobody reads on, with how long they really are. */

export interface Listed<T> {
  readonly items: readonly T[]
  /** With those that were left out. */
  readonly total: number
}

export const MAX_LISTED = 1000

/** The first of a list. */
export function firstOf<T>(all: readonly T[], total = all.length): Listed<T> {
  return { items: all.slice(0, MAX_LISTED), total }
}
