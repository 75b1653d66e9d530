/**
 * A token inside the shape of a service's own keys: `sk_live_pt_live_...`.
 *
 * Some clients check how a key looks before they send it. The token stays whole inside, so
 * secret scanners still find it, and the prefix carries no meaning.
 */

import { parseToken, TOKEN_LENGTH } from './token.ts'
import type { ParsedToken } from './token.ts'

export function wrapToken(token: string, prefix: string): string {
  return prefix + token
}

/** Reads a token that stands bare or behind one of the prefixes, and nothing else around it. */
export function unwrapToken(text: string, prefixes: Iterable<string>): ParsedToken | undefined {
  const start = text.length - TOKEN_LENGTH
  if (start < 0) return undefined
  const prefix = text.slice(0, start)
  if (prefix !== '' && !new Set(prefixes).has(prefix)) return undefined
  return parseToken(text.slice(start))
}
