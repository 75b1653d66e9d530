/** Whether a request was signed with a phantom key pair, over everything that AWS would look at. */

import { timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '../../base/result.ts'
import type { Authorization } from './authorization.ts'
import {
  canonicalRequest,
  signatureOf,
  signingKey,
  stringToSign,
  type CanonicalParts,
} from './canonical.ts'

export interface SignedRequest extends Pick<
  CanonicalParts,
  'method' | 'path' | 'query' | 'headers' | 'payload'
> {
  readonly authorization: Authorization
}

/** A signature is good for as long as AWS takes one: 15 minutes either way. */
const SKEW_MS = 15 * 60 * 1000

/** What the chunks of its body are verified with. */
export interface Verified {
  readonly key: Buffer
  /** As the client wrote it. */
  readonly time: string
}

type SignedParts = Pick<SignedRequest, 'headers' | 'authorization'>

/**
 * What is wrong with a signature whatever its body is, in words and without anything the client
 * sent. `now` is epoch ms.
 */
export function signatureProblem(request: SignedParts, now: number): string | undefined {
  const problem = headersProblem(request)
  if (problem !== undefined) return problem
  const time = timeOf(request)
  const signedAt = parseTime(time)
  if (signedAt === undefined || !time.startsWith(request.authorization.scope.day))
    return 'its date does not agree'
  const isFresh = Math.abs(now - signedAt) <= SKEW_MS
  return isFresh ? undefined : 'it was signed too long ago, or ahead of time'
}

/** Says why not, as `signatureProblem` does. */
export function verifySignature(
  request: SignedRequest,
  secret: string,
  now: number,
): Result<Verified, string> {
  const problem = signatureProblem(request, now)
  if (problem !== undefined) return err(problem)
  const { scope, signedHeaders, signature } = request.authorization
  const time = timeOf(request)
  const canonical = canonicalRequest({ ...request, signedHeaders, isS3: scope.service === 's3' })
  const key = signingKey(secret, scope)
  const expected = signatureOf(key, stringToSign(time, scope, canonical))
  const isSame = timingSafeEqual(Buffer.from(expected), Buffer.from(signature))
  return isSame ? ok({ key, time }) : err('the signature is not of this request and key')
}

const timeOf = ({ headers }: SignedParts): string =>
  headers.find(([name]) => name === 'x-amz-date')?.[1] ?? ''

/** What is not signed could have been added on the way, and what ends here would be missing. */
function headersProblem({ headers, authorization }: SignedParts): string | undefined {
  const signed = new Set(authorization.signedHeaders)
  if (!signed.has('host')) return 'the host is not signed'
  if (optionsOf(headers).some((name) => signed.has(name) || name.startsWith('content-')))
    return 'its Connection header names a header that counts'
  const names = new Set(headers.map(([name]) => name))
  for (const name of names)
    if (name.startsWith('x-amz-') && !signed.has(name)) return 'an x-amz- header is not signed'
  for (const name of signed) if (!names.has(name)) return 'a signed header is missing'
  const dates = headers.filter(([name]) => name === 'x-amz-date')
  return dates.length === 1 ? undefined : 'it needs one x-amz-date'
}

/** Headers that the client declared to be for this hop (RFC 9110 7.6.1), in lower case. */
function optionsOf(headers: SignedRequest['headers']): readonly string[] {
  return headers.flatMap(([name, value]) =>
    name === 'connection' ? value.split(',').map((option) => option.trim().toLowerCase()) : [],
  )
}

/** `20260131T235959Z` to epoch ms. */
function parseTime(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute, second] = parts
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(ms) ? undefined : ms
}
