/** The tokens of JSON (RFC 8259) as bytes: where each ends. -1 means that it is none. */

export const QUOTE = 0x22
const BACKSLASH = 0x5c

const SHORT_ESCAPES = new Set(Buffer.from('"\\/bfnrt'))
const LITERALS: Readonly<Record<number, Buffer>> = {
  0x74: Buffer.from('true'),
  0x66: Buffer.from('false'),
  0x6e: Buffer.from('null'),
}

/** The first byte from `at` on that is no white space, or `stop`. */
export function skipSpace(bytes: Buffer, at: number, stop: number): number {
  let index = at
  while (index < stop) {
    const byte = bytes[index]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    index += 1
  }
  return index
}

/**
 * The closing quote of the text that `at` is inside of, or `stop` when it ends later. The bytes
 * are UTF-8 already, so that only controls and escapes can be wrong.
 */
export function endOfText(bytes: Buffer, at: number, stop: number): number {
  let index = at
  while (index < stop) {
    const byte = bytes[index]
    if (byte === QUOTE) return index
    if (byte === undefined || byte < 0x20) return -1
    const length = byte === BACKSLASH ? escapeLength(bytes, index + 1) : 1
    if (length < 0) return -1
    index += length
  }
  return index
}

/** Bytes of an escape, its backslash included; `at` is behind that. */
function escapeLength(bytes: Buffer, at: number): number {
  const byte = bytes[at] ?? 0
  if (SHORT_ESCAPES.has(byte)) return 2
  const hex = bytes.toString('latin1', at + 1, at + 5)
  return byte === 0x75 && /^[0-9A-Fa-f]{4}$/.test(hex) ? 6 : -1
}

/** Behind `true`, `false`, `null` or a number. */
export function endOfScalar(bytes: Buffer, at: number): number {
  const literal = LITERALS[bytes[at] ?? 0]
  if (!literal) return endOfNumber(bytes, at)
  const end = at + literal.length
  return bytes.subarray(at, end).equals(literal) ? end : -1
}

function endOfNumber(bytes: Buffer, at: number): number {
  const first = bytes[at] === 0x2d ? at + 1 : at
  const whole = bytes[first] === 0x30 ? first + 1 : endOfDigits(bytes, first)
  const fraction = bytes[whole] === 0x2e ? endOfDigits(bytes, whole + 1) : whole
  if (whole < 0 || fraction < 0) return -1
  const mark = bytes[fraction]
  if (mark !== 0x65 && mark !== 0x45) return fraction
  const sign = bytes[fraction + 1]
  return endOfDigits(bytes, sign === 0x2b || sign === 0x2d ? fraction + 2 : fraction + 1)
}

/** One digit at least. */
function endOfDigits(bytes: Buffer, at: number): number {
  let index = at
  for (;;) {
    const byte = bytes[index]
    if (byte === undefined || byte < 0x30 || byte > 0x39) break
    index += 1
  }
  return index === at ? -1 : index
}
