/**
 * Text as it may stand in a record: one line of JSON, of bounded length, without a character that
 * a terminal, a log viewer or a reader's eye could take for something else (CWE-117).
 */

/** Printable ASCII but for the quote and the backslash: most values, and nothing to escape. */
const PLAIN = /^[ !#-[\]-~]*$/

/** Controls, bidi and other invisible format characters, lone surrogates, U+2028 and U+2029. */
const UNSAFE = /["\\]|\p{C}|\p{Zl}|\p{Zp}/gu

/** The longest text that is kept where a field has no limit of its own. */
export const TEXT_LIMIT = 512

/** A JSON string: what is longer than `limit` is cut and says by how much. */
export function quote(text: string, limit = TEXT_LIMIT): string {
  const kept = text.length > limit ? shorten(text, limit) : text
  return PLAIN.test(kept) ? '"' + kept + '"' : '"' + kept.replace(UNSAFE, escapeCharacter) + '"'
}

/** Cuts to `limit` UTF-16 units and says how many were left out: `GET /aaa[+1024]`. */
export function shorten(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}[+${text.length - limit}]` : text
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return '\\' + character
  let escaped = ''
  for (let unit = 0; unit < character.length; unit++)
    escaped += '\\u' + character.charCodeAt(unit).toString(16).padStart(4, '0')
  return escaped
}
