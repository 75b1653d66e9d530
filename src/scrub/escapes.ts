/**
 * Characters as escapes: percent-encoding (RFC 3986, 2.1), JSON (RFC 8259, 7), HTML character references.
 * Which of them a text uses is not known, so that any may stand anywhere in it.
 */

/** How a byte was written, and in how many bytes; `partial` when the rest may still come. */
export type Unit = { readonly byte: number; readonly length: number } | 'partial' | undefined

const PERCENT = 0x25
const BACKSLASH = 0x5c
const AMPERSAND = 0x26

/** What every escape begins with. */
export const STARTS: readonly number[] = [PERCENT, BACKSLASH, AMPERSAND]

/** A slash, a quote or a backslash stands for itself there; line breaks and the like have letters. */
const BEHIND_BACKSLASH: ReadonlyMap<number, number> = new Map(
  Object.entries({
    ...{ '/': '/', '"': '"', "'": "'", '\\': '\\' },
    ...{ n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' },
  }).map(([written, meant]) => [written.charCodeAt(0), meant.charCodeAt(0)]),
)

/** The longest that is read: `&#x0000000000000000073;`. */
const LONGEST = 24

/** Names of the characters of ASCII that keys, base64 and their surroundings have. */
const NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", plus: '+', equals: '=', sol: '/' },
    ...{ lowbar: '_', period: '.', colon: ':', comma: ',', num: '#', excl: '!', commat: '@' },
    ...{ dollar: '$', percnt: '%', ast: '*', hyphen: '-', semi: ';', lpar: '(', rpar: ')' },
    ...{ quest: '?', bsol: '\\', grave: '`', vert: '|', lbrack: '[', rbrack: ']', Hat: '^' },
    ...{ lbrace: '{', rbrace: '}', lcub: '{', rcub: '}', UnderBar: '_', lsqb: '[', rsqb: ']' },
  }).map(([name, character]) => [name, character.charCodeAt(0)]),
)

/**
 * By the byte behind what an escape begins with: 1 where such an escape may stand for a byte that `has` marks.
 * Most escapes of most texts are told by it not to.
 */
export function behindStarts(has: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const percent = new Uint8Array(256)
  const backslash = new Uint8Array(256)
  const ampersand = new Uint8Array(256)
  for (let byte = 0; byte < 256; byte++) {
    if (has[byte] !== 1) continue
    const digit = Math.floor(byte / 16).toString(16)
    for (const spelled of [digit, digit.toUpperCase()]) mark(percent, spelled)
    for (const [written, meant] of BEHIND_BACKSLASH) if (meant === byte) backslash[written] = 1
    for (const [name, meant] of NAMES) if (meant === byte) mark(ampersand, name)
  }
  for (const digits of ['u', 'x']) mark(backslash, digits)
  mark(ampersand, '#')
  return new Map([
    [PERCENT, percent],
    [BACKSLASH, backslash],
    [AMPERSAND, ampersand],
  ])
}

function mark(table: Uint8Array, text: string): void {
  table[text.charCodeAt(0)] = 1
}

/** The escape that begins at this place; undefined when none does. */
export function unitAt(data: Buffer, at: number): Unit {
  const start = data[at]
  if (start === PERCENT) return hexUnit(data, at, { prefix: 1, digits: 2 })
  if (start === BACKSLASH) return backslashUnit(data, at)
  return start === AMPERSAND ? referenceUnit(data, at) : undefined
}

interface Hex {
  readonly prefix: number
  readonly digits: number
}

function hexUnit(data: Buffer, at: number, { prefix, digits }: Hex): Unit {
  let code = 0
  for (let index = at + prefix; index < at + prefix + digits; index++) {
    if (index >= data.length) return 'partial'
    const digit = hexDigit(data[index] ?? 0)
    if (digit < 0) return undefined
    code = code * 16 + digit
  }
  return code > 0xff ? undefined : { byte: code, length: prefix + digits }
}

function backslashUnit(data: Buffer, at: number): Unit {
  if (at + 1 >= data.length) return 'partial'
  const next = data[at + 1] ?? 0
  if (next === 0x75) return hexUnit(data, at, { prefix: 2, digits: 4 })
  if (next === 0x78) return hexUnit(data, at, { prefix: 2, digits: 2 })
  const byte = BEHIND_BACKSLASH.get(next)
  return byte === undefined ? undefined : { byte, length: 2 }
}

function referenceUnit(data: Buffer, at: number): Unit {
  if (data[at + 1] === 0x23) return numberUnit(data, at)
  const end = endOfName(data, at + 1)
  if (end === undefined || end === 'partial') return end
  const byte = nameIn(data, at + 1, end)
  return byte === undefined ? undefined : { byte, length: end - at + 1 }
}

/** Decimal, or hexadecimal behind an x. Readers take one without its semicolon (WHATWG HTML, 13.2.5.84). */
function numberUnit(data: Buffer, at: number): Unit {
  const isHex = ((data[at + 2] ?? 0) | 0x20) === 0x78
  const start = at + (isHex ? 3 : 2)
  const { code, end } = readNumber(data, start, isHex ? 16 : 10)
  if (end >= data.length) return 'partial'
  if (end === start || end === start + LONGEST || code > 0xff) return undefined
  return { byte: code, length: end - at + (data[end] === 0x3b ? 1 : 0) }
}

/** Up to what is no digit; a code that is too large for a byte stays so. */
function readNumber(data: Buffer, start: number, base: number): { code: number; end: number } {
  let code = 0
  for (let end = start; ; end++) {
    const digit = end < start + LONGEST ? hexDigit(data[end] ?? 0) : -1
    if (digit < 0 || digit >= base) return { code, end }
    code = Math.min(code * base + digit, 0x100)
  }
}

/** Where its semicolon stands. */
function endOfName(data: Buffer, from: number): number | 'partial' | undefined {
  const limit = from + LONGEST
  for (let at = from; at < limit; at++) {
    const byte = data[at]
    if (byte === undefined) return 'partial'
    if (byte === 0x3b) return at
    if (!isAlphanumeric(byte)) return undefined
  }
  return undefined
}

function nameIn(data: Buffer, from: number, end: number): number | undefined {
  return NAMES.get(data.toString('latin1', from, end))
}

function isAlphanumeric(byte: number): boolean {
  const letter = byte | 0x20
  return (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39)
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

export interface Decoded {
  readonly bytes: Buffer
  /** Where each of them stands in the data, and behind them where they end. */
  readonly places: Uint32Array
  /** Where half an escape stands at the end of the data, which is left out. */
  readonly partialAt: number | undefined
}

export interface Decoding {
  /** Where to begin. */
  readonly from: number
  /** Nothing comes after the data. */
  readonly isEnd: boolean
  /** By byte: an escape of another one stays as it is, since what stands in it may be an escape itself. */
  readonly has: Uint8Array
}

/** The data with what its escapes stand for. */
export function decodeEscapes(data: Buffer, { from, isEnd, has }: Decoding): Decoded {
  const bytes = Buffer.allocUnsafe(data.length - from)
  const places = new Uint32Array(bytes.length + 1)
  let length = 0
  let at = from
  while (at < data.length) {
    const byte = data[at] ?? 0
    const unit = isStart(byte) ? unitAt(data, at) : undefined
    if (unit === 'partial' && !isEnd) break
    places[length] = at
    const isUnit = typeof unit === 'object' && has[unit.byte] === 1
    bytes[length++] = isUnit ? unit.byte : byte
    at += isUnit ? unit.length : 1
  }
  places[length] = at
  const partialAt = at < data.length ? at : undefined
  return { bytes: bytes.subarray(0, length), places, partialAt }
}

const isStart = (byte: number): boolean =>
  byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND
