/** Which records the index should have, and which of them are there: compared by their numbers. Pure. */

import type { MissingRecords } from '../../audit/audit-index.ts'

export interface IndexedSegment {
  readonly id: number
  readonly first: number
  /** Number of the last record that was taken in. */
  readonly last: number
  /** Up to the end of that record. */
  readonly bytes: number
  /** Times of its records. */
  readonly oldest: number
  readonly newest: number
}

export interface WriterPresence {
  readonly writer: string
  /** In order. */
  readonly segments: readonly IndexedSegment[]
  /** First numbers of the segments that are in the journal, in order. */
  readonly listed: readonly number[]
  /** Number of the last record that was ever taken in. */
  readonly seq: number
  /** First number of the segment that is being read. */
  readonly reading: number
  /** Up to this number a record says that retention removed them; 0 where none does. */
  readonly retiredThrough: number
}

/** Segments in the index that retention has removed, and said so. */
export function retiredSegments({
  segments,
  listed,
  retiredThrough,
}: WriterPresence): readonly IndexedSegment[] {
  const there = new Set(listed)
  return segments.filter(({ first, last }) => last <= retiredThrough && !there.has(first))
}

/** Records that the journal does not have any more, though nothing says that they were to go. */
export function missingRecords(presence: WriterPresence): readonly MissingRecords[] {
  const { writer, segments, listed, seq, retiredThrough } = presence
  const there = new Set(listed)
  const found: MissingRecords[] = []
  let next = retiredThrough + 1
  let after: number | undefined
  for (const { first, last, oldest, newest } of segments) {
    if (last < next || !there.has(first)) continue
    if (first > next) found.push({ writer, ...between(next, first - 1, { after, before: oldest }) })
    next = last + 1
    after = newest
  }
  if (seq >= next) found.push({ writer, ...between(next, seq, { after, before: undefined }) })
  return found
}

interface Bounds {
  readonly after: number | undefined
  readonly before: number | undefined
}

const between = (first: number, last: number, { after, before }: Bounds) => ({
  ...{ first, last },
  ...(after !== undefined && { after }),
  ...(before !== undefined && { before }),
})

/** A segment of the journal that was passed by: it was away then, or was not whole. */
export interface UnreadSegment {
  readonly writer: string
  readonly first: number
  /** First number of the one behind it. */
  readonly end: number
  /** What there is of it in the index. */
  readonly known: IndexedSegment | undefined
}

export function unreadSegments(presence: WriterPresence): readonly UnreadSegment[] {
  const { writer, segments, listed, reading, retiredThrough } = presence
  const known = new Map(segments.map((segment) => [segment.first, segment]))
  const there = new Set(listed)
  const firsts = [...new Set([...listed, ...known.keys(), reading])].sort((a, b) => a - b)
  return firsts.flatMap((first, index) => {
    const end = firsts[index + 1]
    if (end === undefined || first >= reading || !there.has(first)) return []
    const segment = known.get(first)
    const isWhole = segment !== undefined && segment.last >= end - 1
    return isWhole || end - 1 <= retiredThrough ? [] : [{ writer, first, end, known: segment }]
  })
}
