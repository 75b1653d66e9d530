/** Several runs of bytes, and where in some data one of them stands: all of it, or too much of it. */

/** How many numbers `pairOf` gives. */
export const PAIRS = 65_536

/** Of two bytes, the number that tables are asked by. */
export const pairOf = (first: number, second: number): number => (first << 8) | second

const pairAt = (data: Buffer, at: number): number => pairOf(data[at - 1] ?? 0, data[at] ?? 0)

export interface Needle {
  readonly bytes: Buffer
  /** So many bytes of it, from its beginning, tell too much already; all of them where it is short. */
  readonly telling: number
  /** Written over it, again and again, byte by byte. */
  readonly marker: Buffer
}

export interface NeedleSet {
  readonly needles: readonly Needle[]
  /** How much of one tells too much, at the least; and the length of the longest. */
  readonly window: number
  readonly longest: number
  /**
   * By two bytes: how far the window may move on from where it ends with them (Wu and Manber 1994); 0 where a
   * needle may begin with it.
   */
  readonly shifts: Uint8Array
  /** By byte, and by two: the needles that begin so. */
  readonly begins: Uint8Array
  readonly byPair: ReadonlyMap<number, readonly Needle[]>
}

export interface Found {
  readonly start: number
  readonly end: number
  readonly marker: Buffer
  /** How much of the secret, from its beginning; 1 for all of it. */
  readonly share: number
}

const NONE: readonly Found[] = []

export function needleSet(needles: readonly Needle[]): NeedleSet {
  const window = Math.min(255, ...needles.map(({ telling }) => telling))
  const shifts = new Uint8Array(PAIRS).fill(window - 1)
  const begins = new Uint8Array(256)
  for (const { bytes } of needles) {
    begins[bytes[0] ?? 0] = 1
    for (let at = 1; at < window; at++) {
      const pair = pairAt(bytes, at)
      shifts[pair] = Math.min(shifts[pair] ?? 0, window - 1 - at)
    }
  }
  return {
    ...{ needles, window, shifts, begins },
    longest: Math.max(0, ...needles.map(({ bytes }) => bytes.length)),
    byPair: Map.groupBy(needles, ({ bytes }) => pairAt(bytes, 1)),
  }
}

/** They may overlap, and come in no order. `isEnd`: nothing comes after the data. */
export function findNeedles(data: Buffer, set: NeedleSet, isEnd: boolean): readonly Found[] {
  const { window, shifts, byPair } = set
  let found: Found[] | undefined
  const { length } = data
  for (let last = window - 1; last < length;) {
    const shift = shifts[pairAt(data, last)] ?? 0
    if (shift > 0) {
      last += shift
      continue
    }
    const start = last - window + 1
    for (const needle of byPair.get(pairAt(data, start + 1)) ?? []) {
      const one = standsAt({ data, start, isEnd }, needle)
      if (one) (found ??= []).push(one)
    }
    last++
  }
  return found ?? NONE
}

interface Place {
  readonly data: Buffer
  readonly start: number
  readonly isEnd: boolean
}

/** All of it, or so much that it tells too much; what the end of the data cuts off may go on. */
function standsAt({ data, start, isEnd }: Place, needle: Needle): Found | undefined {
  const { bytes, telling, marker } = needle
  let end = start
  while (end < data.length && end - start < bytes.length && data[end] === bytes[end - start]) end++
  const share = (end - start) / bytes.length
  const isSettled = share === 1 || isEnd || end < data.length
  return isSettled && end - start >= telling ? { start, end, marker, share } : undefined
}

/** Where the longest run at the end begins with which a needle begins; the length where none does. */
export function tailFrom(data: Buffer, { longest, begins, byPair }: NeedleSet): number {
  const { length } = data
  for (let at = Math.max(0, length - longest + 1); at < length - 1; at++)
    if (begins[data[at] ?? 0] === 1) {
      const needles = byPair.get(pairAt(data, at + 1))
      if (needles?.some(({ bytes }) => isTail(data, at, bytes)) === true) return at
    }
  return length > 0 && begins[data[length - 1] ?? 0] === 1 ? length - 1 : length
}

function isTail(data: Buffer, at: number, bytes: Buffer): boolean {
  const { length } = data
  const rest = length - at
  return bytes.length > rest && bytes.compare(data, at, length, 0, rest) === 0
}
