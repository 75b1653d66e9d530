/**
 * Reads usage out of an answer while it passes: a JSON document at its end, an event stream line by
 * line. It keeps a bounded part of it, holds nothing up and never throws: usage is approximate.
 *
 * Of a large document only the beginning and the end are looked at, which is where services name
 * the model and the usage.
 */

import { joinUsage, readUsage, type Usage, type UsagePlaces } from './usage.ts'

export interface UsageReader {
  /** The next bytes of the answer's body; they are not kept as they are, nor changed. */
  take(chunk: Buffer): void
  /** What was told; undefined when nothing was, or when a document did not come to its end. */
  finish(isWhole: boolean): Usage | undefined
}

/** A document up to this size is read whole. */
const HEAD_BYTES = 64 * 1024
const TAIL_BYTES = 16 * 1024
/** A longer line of an event stream is left out. */
const LINE_BYTES = 128 * 1024

/** A reader for answers of this type; undefined when none of them can be read. */
export function createUsageReader(
  places: UsagePlaces,
  contentType: string | undefined,
): UsageReader | undefined {
  const type = contentType?.toLowerCase() ?? ''
  if (type.startsWith('text/event-stream')) return new EventReader(places)
  return type.includes('json') ? new DocumentReader(places) : undefined
}

class DocumentReader implements UsageReader {
  readonly #places: UsagePlaces
  readonly #head: Buffer[] = []
  #headBytes = 0
  #tail: Buffer = EMPTY
  #isLarge = false

  constructor(places: UsagePlaces) {
    this.#places = places
  }

  take(chunk: Buffer): void {
    const room = HEAD_BYTES - this.#headBytes
    if (room > 0) {
      // Copied: a chunk is a view of a buffer that is much larger.
      const part = Buffer.from(chunk.subarray(0, room))
      this.#head.push(part)
      this.#headBytes += part.length
    }
    if (chunk.length <= room) return
    this.#isLarge = true
    this.#tail = lastBytes(this.#tail, chunk.subarray(Math.max(room, 0)))
  }

  finish(isWhole: boolean): Usage | undefined {
    if (!isWhole) return undefined
    const head = Buffer.concat(this.#head)
    if (!this.#isLarge) return this.#read(head.toString('latin1'))
    const end = lastBytes(head, this.#tail).toString('latin1')
    const first = this.#read(firstMembers(head.toString('latin1')))
    const last = this.#read(lastMembers(end))
    return first && last ? joinUsage(first, last) : (first ?? last)
  }

  #read(text: string): Usage | undefined {
    return readText(text, this.#places)
  }
}

class EventReader implements UsageReader {
  readonly #places: UsagePlaces
  /** What a line worth reading holds. */
  readonly #signs: readonly Buffer[]
  readonly #modelSigns: readonly Buffer[]
  #line: Buffer[] = []
  #lineBytes = 0
  #isTooLong = false
  #usage: Usage | undefined

  constructor(places: UsagePlaces) {
    const { inputTokens, outputTokens, cachedTokens, amount, model } = places
    this.#places = places
    this.#signs = signsOf([...inputTokens, ...outputTokens, ...cachedTokens, ...amount].flat())
    this.#modelSigns = signsOf(model)
  }

  take(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#endLine(chunk.subarray(start, end))
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  /** A stream that broke off has told what it cost so far. */
  finish(): Usage | undefined {
    this.#endLine(EMPTY)
    return this.#usage
  }

  #keep(part: Buffer): void {
    if (this.#isTooLong) return
    this.#lineBytes += part.length
    this.#isTooLong = this.#lineBytes > LINE_BYTES
    if (this.#isTooLong) this.#line = []
    else this.#line.push(Buffer.from(part))
  }

  #endLine(rest: Buffer): void {
    const isRead = !this.#isTooLong && this.#lineBytes + rest.length <= LINE_BYTES
    const line = this.#line.length === 0 ? rest : Buffer.concat([...this.#line, rest])
    this.#line = []
    this.#lineBytes = 0
    this.#isTooLong = false
    if (isRead && this.#isWorthReading(line)) this.#read(line.toString('latin1', FIELD.length))
  }

  #isWorthReading(line: Buffer): boolean {
    if (line.length <= FIELD.length || line.compare(FIELD, 0, FIELD.length, 0, FIELD.length) !== 0)
      return false
    return holdsAny(line, this.#signs) || (!this.#knowsModel && holdsAny(line, this.#modelSigns))
  }

  get #knowsModel(): boolean {
    return this.#usage?.model !== undefined
  }

  #read(text: string): void {
    const found = readText(text, this.#places)
    if (found) this.#usage = this.#usage ? joinUsage(this.#usage, found) : found
  }
}

const EMPTY = Buffer.alloc(0)
const FIELD = Buffer.from('data:')
const LF = 0x0a

/** The last key of each place, as JSON spells it. */
function signsOf(places: readonly (readonly string[])[]): Buffer[] {
  const keys = new Set(places.map((place) => place.at(-1) ?? ''))
  return [...keys].map((key) => Buffer.from(`"${key}"`))
}

function holdsAny(line: Buffer, signs: readonly Buffer[]): boolean {
  return signs.some((sign) => line.includes(sign))
}

function lastBytes(before: Buffer, after: Buffer): Buffer {
  if (after.length >= TAIL_BYTES) return Buffer.from(after.subarray(-TAIL_BYTES))
  return Buffer.concat([before.subarray(-(TAIL_BYTES - after.length)), after])
}

function readText(text: string, places: UsagePlaces): Usage | undefined {
  try {
    const usage = readUsage(JSON.parse(text), places)
    return Object.keys(usage).length > 0 ? usage : undefined
  } catch {
    return undefined // no JSON: nothing was told
  }
}

/** The members that an object begins with, as an object, out of the beginning of its text. */
export function firstMembers(text: string): string {
  let depth = 0
  let cut = -1
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = closingQuote(text, at)
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    else if (character === ',' && depth === 1) cut = at
  }
  return cut < 0 ? '' : `${text.slice(0, cut)}}`
}

/** The members that an object ends with, as an object, out of the end of its text. */
export function lastMembers(text: string): string {
  let depth = 0
  let cut = -1
  for (let at = text.length - 1; at >= 0; at--) {
    const character = text[at]
    if (character === '"') at = openingQuote(text, at)
    else if (character === '}' || character === ']') depth++
    else if (character === '{' || character === '[') depth--
    else if (character === ',' && depth === 1) cut = at
  }
  return cut < 0 ? '' : `{${text.slice(cut + 1)}`
}

/** The quote that ends the string which begins here; the text's end when it does not end. */
function closingQuote(text: string, opening: number): number {
  let at = text.indexOf('"', opening + 1)
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at < 0 ? text.length : at
}

function openingQuote(text: string, closing: number): number {
  let at = closing - 1
  while (at >= 0 && (text[at] !== '"' || isEscaped(text, at))) at--
  return at
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text[quote - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}
