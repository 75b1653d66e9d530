/** What happened in the last minutes, bounded: enough to count, and no more. */

/** Counts within one slot of time after another. */
export interface Slot {
  from: number
  count: number
}

export const noSlot = (): Slot => ({ from: 0, count: 0 })

/** Counts on, in a new slot if the last one is over; returns how many there are in it now. */
export function countIn(slot: Slot, at: number, widthMs: number): number {
  const from = Math.floor(at / widthMs) * widthMs
  if (from > slot.from) {
    slot.from = from
    slot.count = 0
  }
  slot.count += 1
  return slot.count
}

/** One thing and when it happened. */
export type Mark = [at: number, what: string]

/** Keeps those of the last `widthMs`, at most `limit`, the newest last. */
export function keepMark(
  marks: Mark[],
  mark: Mark,
  { widthMs, limit }: { readonly widthMs: number; readonly limit: number },
): void {
  while (marks.length > 0 && (marks[0]?.[0] ?? 0) < mark[0] - widthMs) marks.shift()
  if (marks.length >= limit) marks.shift()
  marks.push(mark)
}

/** How many different things. */
export function distinct(marks: readonly Mark[]): number {
  return new Set(marks.map(([, what]) => what)).size
}
