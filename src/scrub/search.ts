/** Where in some bytes a secret stands, and where one may have begun whose rest is still to come. */

import { STARTS, unitAt, type Unit } from './escapes.ts'
import { pairOf, type Needles } from './needles.ts'

export interface Found {
  readonly start: number
  readonly end: number
  readonly marker: Buffer
}

export interface Findings {
  /** They may overlap, and come in no order. */
  readonly found: readonly Found[]
  /** Everything before this place is free to go; the length of the data when nothing is held. */
  readonly heldFrom: number
}

const STAR = Buffer.from('*')
const NONE: readonly Found[] = []

/** `isWhole`: nothing comes after the data, so that what looks like half an escape is none. */
export function search(data: Buffer, needles: Needles, isWhole = false): Findings {
  const found = findFixed(data, needles)
  const escaped = findEscaped(data, needles, isWhole)
  const heldFrom = Math.min(tailFrom(data, needles), escaped?.heldFrom ?? data.length)
  if (!escaped || escaped.found.length === 0) return { found, heldFrom }
  return { found: [...found, ...escaped.found], heldFrom }
}

/** A window of the shortest needle's length, which is moved as far as its last two bytes allow. */
function findFixed(data: Buffer, { fixed, shortest, shifts }: Needles): readonly Found[] {
  let found: Found[] | undefined
  const { length } = data
  for (let last = shortest - 1; last < length;) {
    const shift = shifts[pairOf(data[last - 1] ?? 0, data[last] ?? 0)] ?? 0
    if (shift > 0) {
      last += shift
      continue
    }
    const start = last - shortest + 1
    for (const { bytes, marker } of fixed)
      if (standsAt(data, start, bytes)) {
        found ??= []
        found.push({ start, end: start + bytes.length, marker })
      }
    last++
  }
  return found ?? NONE
}

function standsAt(data: Buffer, start: number, bytes: Buffer): boolean {
  if (data[start] !== bytes[0] || start + bytes.length > data.length) return false
  return bytes.compare(data, start, start + bytes.length) === 0
}

/** Where the longest run at the end begins with which a fixed needle begins. */
function tailFrom(data: Buffer, needles: Needles): number {
  const { longest, begins, beginsPair } = needles
  const { length } = data
  for (let at = Math.max(0, length - longest + 1); at < length - 1; at++)
    if (beginsPair[pairOf(data[at] ?? 0, data[at + 1] ?? 0)] === 1 && isTail(data, at, needles))
      return at
  return length > 0 && begins[data[length - 1] ?? 0] === 1 ? length - 1 : length
}

function isTail(data: Buffer, at: number, { fixed }: Needles): boolean {
  const { length } = data
  const rest = length - at
  return fixed.some(
    ({ bytes }) => bytes.length > rest && bytes.compare(data, at, length, 0, rest) === 0,
  )
}

/** Undefined where there is no escape: nearly always. */
function findEscaped(data: Buffer, needles: Needles, isWhole: boolean): Findings | undefined {
  let state: EscapedSearch | undefined
  for (const first of STARTS)
    for (let at = data.indexOf(first); at >= 0; at = data.indexOf(first, at + 1)) {
      const unit = unitAt(data, at)
      if (unit === undefined || !mayMatter({ data, at, unit }, needles)) continue
      if (unit === 'partial' && isWhole) continue
      state ??= new EscapedSearch(data, needles.escapable, isWhole)
      state.lookAt(at, unit)
    }
  return state
}

interface Escape {
  readonly data: Buffer
  readonly at: number
  readonly unit: NonNullable<Unit>
}

/** Whether an escape's byte stands anywhere in a needle behind what is in front of it here, or begins one. */
function mayMatter({ data, at, unit }: Escape, { has, hasFirst, hasPair }: Needles): boolean {
  if (unit === 'partial') return true
  if (has[unit.byte] !== 1) return false
  if (at > 0 && hasPair[pairOf(data[at - 1] ?? 0, unit.byte)] === 1) return true
  if (hasFirst[unit.byte] !== 1) return false
  const next = data[at + unit.length]
  return next === undefined || STARTS.includes(next) || hasPair[pairOf(unit.byte, next)] === 1
}

/** Needles with at least one escape in them: each is found by its first. */
class EscapedSearch implements Findings {
  readonly found: Found[] = []
  heldFrom: number
  readonly #data: Buffer
  readonly #texts: readonly Buffer[]
  readonly #isWhole: boolean

  constructor(data: Buffer, texts: readonly Buffer[], isWhole: boolean) {
    this.#data = data
    this.#texts = texts
    this.#isWhole = isWhole
    this.heldFrom = data.length
  }

  /** An escape that may be the first of a needle, at any place in it. */
  lookAt(at: number, unit: NonNullable<Unit>): void {
    for (const text of this.#texts) {
      const places = unit === 'partial' ? everyPlace(text, at) : placesOf(text, unit.byte)
      for (const place of places)
        if (this.#standsBefore(text, place, at)) this.#follow(text, place, at)
    }
  }

  /** Whether the text's first so many characters stand in front, unescaped. */
  #standsBefore(text: Buffer, count: number, at: number): boolean {
    if (count > at) return false
    return this.#data.compare(text, 0, count, at - count, at) === 0
  }

  /** From the escape on, which stands for the character at this place of the text. */
  #follow(text: Buffer, place: number, at: number): void {
    const data = this.#data
    const start = at - place
    let position = at
    for (let index = place; index < text.length; index++) {
      if (position >= data.length) {
        this.#hold(start)
        return
      }
      const unit = this.#unitAt(position)
      if (unit === 'partial') {
        this.#hold(start)
        return
      }
      if (unit && unit.byte === text[index]) position += unit.length
      else if (data[position] === text[index]) position++
      else return
    }
    this.found.push({ start, end: position, marker: STAR })
  }

  #unitAt(position: number): Unit {
    const unit = unitAt(this.#data, position)
    return unit === 'partial' && this.#isWhole ? undefined : unit
  }

  #hold(start: number): void {
    this.heldFrom = Math.min(this.heldFrom, start)
  }
}

/** A text of which the byte is not known yet: any place that what stands in front allows. */
function everyPlace(text: Buffer, at: number): readonly number[] {
  return Array.from({ length: Math.min(text.length, at + 1) }, (_, place) => place)
}

function placesOf(text: Buffer, byte: number): readonly number[] {
  const places: number[] = []
  for (let place = text.indexOf(byte); place >= 0; place = text.indexOf(byte, place + 1))
    places.push(place)
  return places
}
