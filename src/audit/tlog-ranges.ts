/** Which runs of leaves a proof of growth needs the roots of; who has the hashes makes them. */

/** Indexes, counted from 0: from the first leaf up to, and without, the last. */
export type LeafRange = readonly [from: number, to: number]

/** RFC 6962, 2.1.2: from a tree of so many leaves, at least one, to a larger one. */
export function consistencyRanges(older: number, newer: number): readonly LeafRange[] {
  return rangesIn(older, { from: 0, to: newer, isKnown: true })
}

interface Part {
  readonly from: number
  readonly to: number
  /** Its root is that of the older tree. */
  readonly isKnown: boolean
}

function rangesIn(size: number, { from, to, isKnown }: Part): readonly LeafRange[] {
  if (size === to) return isKnown ? [] : [[from, to]]
  const middle = from + splitOf(to - from)
  return size <= middle
    ? [...rangesIn(size, { from, to: middle, isKnown }), [middle, to]]
    : [...rangesIn(size, { from: middle, to, isKnown: false }), [from, middle]]
}

/** The largest power of two that is smaller than n. */
export function splitOf(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
