/**
 * `a=1&b[c]=2`: the names and values of a query or a form, read as leniently as any server might,
 * so that no spelling of a name escapes a condition (SC-10).
 */

/** One pair. What cannot be decoded is undefined, and counts as whatever is looked for. */
export interface Pair {
  /** `a[b][]` is `['a', 'b', '']`. */
  readonly name: readonly string[] | undefined
  readonly value: string | undefined
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * All pairs, in order. Some servers part at `;` too: where there is one, the pairs of both
 * readings come out.
 */
export function parsePairs(text: string): readonly Pair[] {
  const plain = text.split('&')
  const pieces = text.includes(';') ? plain.concat(text.split(/[&;]/)) : plain
  return pieces.filter((piece) => piece !== '').map(parsePair)
}

function parsePair(piece: string): Pair {
  const equals = piece.indexOf('=')
  const name = decodeText(equals < 0 ? piece : piece.slice(0, equals))
  const value = equals < 0 ? '' : decodeText(piece.slice(equals + 1))
  const isPlain = name !== undefined && !hasControl(name)
  return { name: isPlain ? splitName(name) : undefined, value: withoutNul(value) }
}

/** Where one server's text ends at a NUL, another's goes on: it may be anything. */
function withoutNul(value: string | undefined): string | undefined {
  return value?.includes('\0') === true ? undefined : value
}

/** Names with controls in them are cut short by some servers. */
function hasControl(name: string): boolean {
  return /[\0-\x1f\x7f]/.test(name)
}

const MAX_NAME_LENGTH = 1000
const NESTED = /^[^[\]]+(?:\[[^[\]]*\])+$/

/**
 * Brackets that do not nest are read in as many ways as there are servers: Rack and qs take
 * `[balance]` for `balance`. Such a name is no name.
 */
function splitName(name: string): readonly string[] | undefined {
  if (!/[[\]]/.test(name)) return [name]
  if (name.length > MAX_NAME_LENGTH || !NESTED.test(name)) return undefined
  return name.slice(0, -1).split(/\]\[|\[/)
}

function decodeText(raw: string): string | undefined {
  if (!/[%+]|[^ -~]/.test(raw)) return raw
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined
  const bytes = raw
    .replaceAll('+', ' ')
    .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}
