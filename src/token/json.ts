/**
 * JSON from strangers, read strictly: what two parsers could read differently is no JSON here.
 * RFC 8259 leaves duplicate member names open; RFC 7515 section 4 and RFC 7519 section 4 do not.
 */

/** Strings whole, so that a brace or a comma inside one is never seen as structure. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

export type JsonObject = Readonly<Record<string, unknown>>

/** An object, or undefined for other values, bad syntax, duplicate members, or `__proto__`. */
export function parseJsonObject(text: string): JsonObject | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || hasRepeatedMember(text)) return undefined
  return value
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Walks text that JSON.parse has accepted; one set of names per open object. */
function hasRepeatedMember(text: string): boolean {
  const open: Set<string>[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set(['__proto__']))
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const names = open.at(-1)
      const name = JSON.parse(last) as string // the string before a colon is a member's name
      if (names?.has(name)) return true
      names?.add(name)
    }
    last = token
  }
  return false
}
