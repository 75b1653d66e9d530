/**
 * Signature Version 4 of AWS: the canonical form of a request, and what is computed over it. The
 * same code verifies what an agent signed and signs what leaves, so that both read a request alike.
 *
 * Source: AWS General Reference, "Create a signed AWS API request". Texts are one character per
 * byte, as the wire gives them.
 */

import { createHash, createHmac } from 'node:crypto'

export const ALGORITHM = 'AWS4-HMAC-SHA256'

/** What a signature is bound to, beside the request. */
export interface SigningScope {
  /** `20260131`, UTC. */
  readonly day: string
  readonly region: string
  /** The signing name: `s3`, `dynamodb`. */
  readonly service: string
}

export interface CanonicalParts {
  readonly method: string
  /** Raw, as on the wire. */
  readonly path: string
  /** Raw, without the question mark. */
  readonly query: string | undefined
  /** Names in lower case, in any order; one name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Names in lower case, sorted, none twice. */
  readonly signedHeaders: readonly string[]
  /** Hex digest of the body, or the word that stands for one. */
  readonly payload: string
  /** S3 signs its path as it is; all others encode it once more. */
  readonly isS3: boolean
}

export function canonicalRequest(parts: CanonicalParts): string {
  const { method, path, query, signedHeaders, payload, isS3 } = parts
  return [
    method,
    isS3 ? encodeOnce(path) : encodeAgain(path),
    query === undefined ? '' : canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${canonicalValue(name, parts)}`),
    '',
    signedHeaders.join(';'),
    payload,
  ].join('\n')
}

export function scopeText({ day, region, service }: SigningScope): string {
  return `${day}/${region}/${service}/aws4_request`
}

/** `time` is `20260131T235959Z`. */
export function stringToSign(time: string, scope: SigningScope, canonical: string): string {
  return [ALGORITHM, time, scopeText(scope), sha256(Buffer.from(canonical, 'latin1'))].join('\n')
}

/** HMAC over day, region, service and a constant, each keyed by the one before. */
export function signingKey(secret: string, { day, region, service }: SigningScope): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`)
  for (const word of [day, region, service, 'aws4_request'])
    key = createHmac('sha256', key).update(word).digest()
  return key
}

/** Hex. */
export function signatureOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text, 'latin1').digest('hex')
}

/** Hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** `20260131T235959Z` of epoch ms. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+|[-:]/g, '')
}

/** Values of one name joined by commas. */
function canonicalValue(name: string, { headers }: CanonicalParts): string {
  return headers.flatMap(([other, value]) => (other === name ? [trimValue(value)] : [])).join(',')
}

/** Outer blanks cut, inner ones made one. What else Unicode calls a space is a byte of the value. */
export function trimValue(value: string): string {
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '')
}

/** Fields decoded, encoded in the one way, and sorted. A `+` is a plus. */
function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((field) => field !== '')
    .map((field): readonly [string, string] => {
      const equals = field.indexOf('=')
      const name = equals < 0 ? field : field.slice(0, equals)
      return [encode(decode(name)), equals < 0 ? '' : encode(decode(field.slice(equals + 1)))]
    })
    .sort(([name, value], [otherName, otherValue]) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

const segmentsOf = (path: string, encodeSegment: (segment: string) => string): string =>
  path.split('/').map(encodeSegment).join('/')

const encodeOnce = (path: string): string => segmentsOf(path, (segment) => encode(decode(segment)))

/** RFC 3986 5.2.4 first: dot segments and empty ones are not signed. */
function encodeAgain(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const end = kept.length > 0 && /\/\.{0,2}$/.test(path) ? '/' : ''
  return `/${kept.map(encode).join('/')}${end}`
}

/** Everything but unreserved characters, with capital hex (RFC 3986 2.3). */
function encode(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, (character) => {
    const code = character.charCodeAt(0)
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** To bytes, one character each; what is no escape stays. */
function decode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
}
