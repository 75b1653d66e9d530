/**
 * A token as text: prefix, 30 random characters, 6 characters of checksum, all base62.
 *
 * Knows only the shape. Whether a token is genuine is a store's question. The fixed prefix and
 * the checksum let secret scanners find leaked tokens, and stop typos before any look-up.
 */

import { checksum, randomBase62 } from '../base/bytes.ts'

/** pt: an agent's phantom token. mt: an orchestrator's management token. ok: an operator's key. */
export type TokenKind = 'pt' | 'mt' | 'ok'

/** `live` belongs to the environment named production, `test` to every other one. */
export type TokenMode = 'live' | 'test'

export interface ParsedToken {
  readonly kind: TokenKind
  readonly mode: TokenMode
  readonly text: string
}

const TOKEN =
  /^(?<kind>pt|mt|ok)_(?<mode>live|test)_(?<random>[0-9A-Za-z]{30})(?<sum>[0-9A-Za-z]{6})$/

/** Length of every token in characters. */
export const TOKEN_LENGTH = 44

/** Reads a token from text, or returns undefined when the text is no token at all. */
export function parseToken(text: string): ParsedToken | undefined {
  if (text.length !== TOKEN_LENGTH) return undefined
  const { kind, mode, random, sum } = TOKEN.exec(text)?.groups ?? {}
  if (!kind || !mode || !random || sum !== checksum(random)) return undefined
  return { kind, mode, text } as ParsedToken // the expression allows no other values
}

/** Makes a fresh token: 178 random bits from the system's generator. */
export function mintToken(kind: TokenKind, mode: TokenMode): string {
  const random = randomBase62(30)
  return `${kind}_${mode}_${random}${checksum(random)}`
}

export function tokenModeOf(environment: string): TokenMode {
  return environment === 'production' ? 'live' : 'test'
}
