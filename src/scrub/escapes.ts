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

/** The longest that is read: `&#x0000073;`. */
const LONGEST = 12

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
  const end = endOfReference(data, at + 1)
  if (end === undefined || end === 'partial') return end
  const code = data[at + 1] === 0x23 ? numberIn(data, at + 2, end) : nameIn(data, at + 1, end)
  return code === undefined || code > 0xff ? undefined : { byte: code, length: end - at + 1 }
}

/** Where its semicolon stands. */
function endOfReference(data: Buffer, from: number): number | 'partial' | undefined {
  const limit = from + LONGEST
  for (let at = from; at < limit; at++) {
    const byte = data[at]
    if (byte === undefined) return 'partial'
    if (byte === 0x3b) return at
    if (byte !== 0x23 && !isAlphanumeric(byte)) return undefined
  }
  return undefined
}

/** Behind `&#`: decimal, or hexadecimal behind an x. */
function numberIn(data: Buffer, from: number, end: number): number | undefined {
  const isHex = ((data[from] ?? 0) | 0x20) === 0x78
  const [start, base] = isHex ? [from + 1, 16] : [from, 10]
  if (start === end) return undefined
  let code = 0
  for (let at = start; at < end; at++) {
    const digit = hexDigit(data[at] ?? 0)
    if (digit < 0 || digit >= base) return undefined
    code = code * base + digit
  }
  return code
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
