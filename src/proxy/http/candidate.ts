/** Text that stands where a credential belongs: ours, a signed token, or something else. */

import { isSignature, parseAuthorization } from '../../injection/sigv4/authorization.ts'
import { tokenIdOf } from '../../token/key-pair.ts'
import type { Presented } from '../recognise.ts'

export type Candidate =
  | { readonly place: string; readonly isOurs: true; readonly presented: Presented }
  | { readonly place: string; readonly isOurs: false; readonly text: string }

/** Begins like one of ours; whether the rest is right is the recogniser's question. */
const OPAQUE = /^(?:pt|mt|ok)_(?:live|test)_/
const WRAPPED = /^(?<prefix>.{1,32}?)(?<token>(?:pt|mt|ok)_(?:live|test)_[0-9A-Za-z]{36})$/
const JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/

/** A complete token of ours, anywhere in a text. */
const EMBEDDED = /(?:pt|mt|ok)_(?:live|test)_[0-9A-Za-z]{36}/g
const EMBEDDED_JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g

/** Two spellings each: what clients send, and nothing that only a scanner would. */
const TOKEN_SCHEMES = new Set(['Bearer', 'bearer', 'token', 'Token', 'Bot', 'bot', 'DPoP', 'dpop'])
const BASIC_SCHEMES = new Set(['Basic', 'basic'])

/** Reads one field's value: bare, after a scheme, as a half of Basic, or as the key of a signature. */
export function readCandidates(
  place: string,
  value: string,
  prefixes: ReadonlySet<string>,
): readonly Candidate[] {
  if (isSignature(value)) return [readSignature(value)]
  const space = value.indexOf(' ')
  if (space < 0) return value === '' ? [] : [classify(place, value, prefixes)]
  const scheme = value.slice(0, space)
  const rest = value.slice(space + 1)
  if (TOKEN_SCHEMES.has(scheme)) return [classify(place, rest, prefixes)]
  if (BASIC_SCHEMES.has(scheme)) return readBasic(place, rest, prefixes)
  return [{ place, isOurs: false, text: value }]
}

/** Where a signature stands; its key id is not the place for a token, so a token may stand beside it. */
export const SIGNATURE = 'authorization (signature)'

function readSignature(value: string): Candidate {
  const text = parseAuthorization(value)?.accessKeyId ?? value
  if (tokenIdOf(text) === undefined) return { place: SIGNATURE, isOurs: false, text }
  return { place: SIGNATURE, isOurs: true, presented: { text, form: 'key_id' } }
}

/** Tells ours from others; a vendor's key shape around one of ours is taken off. */
export function classify(place: string, text: string, prefixes: ReadonlySet<string>): Candidate {
  if (OPAQUE.test(text)) return { place, isOurs: true, presented: { text, form: 'opaque' } }
  if (JWT.test(text)) return { place, isOurs: true, presented: { text, form: 'jwt' } }
  const { prefix, token } = WRAPPED.exec(text)?.groups ?? {}
  if (prefix !== undefined && token !== undefined && prefixes.has(prefix)) {
    return { place, isOurs: true, presented: { text: token, form: 'opaque' } }
  }
  return { place, isOurs: false, text }
}

/** Both halves when both say something; the half that carries no token is somebody's user name. */
function readBasic(
  place: string,
  encoded: string,
  prefixes: ReadonlySet<string>,
): readonly Candidate[] {
  const decoded = Buffer.from(encoded, 'base64').toString('latin1')
  const colon = decoded.indexOf(':')
  const halves = [
    classify(`${place} (user name)`, colon < 0 ? decoded : decoded.slice(0, colon), prefixes),
    classify(`${place} (password)`, colon < 0 ? '' : decoded.slice(colon + 1), prefixes),
  ]
  const ours = halves.filter((half) => half.isOurs)
  return ours.length > 0 ? ours : [{ place, isOurs: false, text: decoded }]
}

/** The first token of ours inside a text, wherever it stands. */
export function findEmbedded(text: string): string | undefined {
  if (mayEmbedOpaque(text)) {
    EMBEDDED.lastIndex = 0
    const found = EMBEDDED.exec(text)
    if (found) return found[0]
  }
  if (!mayEmbedJwt(text)) return undefined
  return [...text.matchAll(EMBEDDED_JWT)].map(([token]) => token).find(isPhantomJwt)
}

/** The text with every token of ours taken out: nothing of them reaches an upstream (TK-10). */
export function hideTokens(text: string): string {
  const hidden = mayEmbedOpaque(text) ? text.replace(EMBEDDED, HIDDEN) : text
  if (!mayEmbedJwt(hidden)) return hidden
  return hidden.replace(EMBEDDED_JWT, (token) => (isPhantomJwt(token) ? HIDDEN : token))
}

/** Whether a field's value is Basic with a token of ours in it: it can only go as a whole. */
export function holdsBasicToken(value: string): boolean {
  if (value.length < 50 || !/^basic /i.test(value)) return false
  return findEmbedded(Buffer.from(value.slice(6), 'base64').toString('latin1')) !== undefined
}

const HIDDEN = '[phantom-token]'

/** A cheap no for nearly every text. */
function mayEmbedOpaque(text: string): boolean {
  return text.length >= 44 && (text.includes('_live_') || text.includes('_test_'))
}

function mayEmbedJwt(text: string): boolean {
  return text.length >= 100 && text.includes('eyJ')
}

/** By its header alone (RFC 9068 2.1): what is expired or altered is as little the upstream's. */
function isPhantomJwt(token: string): boolean {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('latin1')
  return header.includes('"at+jwt"')
}
