/**
 * DPoP proofs (RFC 9449 section 4.3): the caller shows, for this very request, that it holds the
 * private key its token is bound to. A function of its arguments; the clock and the memory of
 * seen proofs come in.
 */

import { createHash } from 'node:crypto'
import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { parseJsonObject } from './json.ts'
import type { JsonObject } from './json.ts'
import { decodeBase64url, parseJws, verifyJws } from './jws.ts'
import { parsePublicJwk } from './jwk.ts'
import type { PublicJwk } from './jwk.ts'
import type { Replay } from './replay.ts'

export interface DpopRequest {
  /** Every DPoP header field of the request. */
  readonly proofs: readonly string[]
  readonly method: string
  /** As the caller addressed it: scheme, host, port and path of the door it came through. */
  readonly url: string
  /** The token that came with it; undefined only where a request carries none. */
  readonly token: string | undefined
  /** Thumbprint that the token is bound to. */
  readonly jkt: string
  readonly now: number
  readonly replay: Replay
}

/** For the audit; outside, every one of them is `invalid_token`. */
export type DpopProblem =
  | 'missing'
  | 'several'
  | 'malformed'
  | 'wrong_key'
  | 'bad_signature'
  | 'wrong_method'
  | 'wrong_url'
  | 'wrong_time'
  | 'wrong_token'
  | 'replayed'

const MAX_PROOF_LENGTH = 4096
const MAX_JTI_LENGTH = 256

/** A proof may be this old, and this far ahead of our clock. */
export const PROOF_AGE_SECONDS = 60
export const PROOF_SKEW_SECONDS = 5

interface Proof {
  readonly jti: string
  readonly htm: unknown
  readonly htu: string
  readonly iat: number
  readonly ath: unknown
}

/** Checks the request's one proof; a proof is remembered only once all else is right. */
export async function verifyDpop(request: DpopRequest): Promise<Result<void, DpopProblem>> {
  const [text, ...others] = request.proofs
  if (text === undefined) return err('missing')
  if (others.length > 0) return err('several')
  const signed = readSigned(text, request.jkt)
  if (!signed.ok) return signed
  const proof = signed.value
  const problem = claimsProblem(proof, request)
  if (problem) return err(problem)
  const expiresAt = (proof.iat + PROOF_AGE_SECONDS) * 1000 + 1
  const proofId = digest(JSON.stringify([request.jkt, proof.jti]))
  const isFirst = await request.replay.claim(proofId, expiresAt, request.now)
  return isFirst ? ok(undefined) : err('replayed')
}

function readSigned(text: string, jkt: string): Result<Proof, DpopProblem> {
  const jws = parseJws(text, MAX_PROOF_LENGTH)
  const jwk = jws && readKey(jws.header)
  if (!jwk) return err('malformed')
  if (jwk.thumbprint !== jkt) return err('wrong_key')
  if (!verifyJws(jws, jwk.algorithm, jwk.key)) return err('bad_signature')
  const proof = readProof(parseJsonObject(jws.payload.toString()))
  return proof ? ok(proof) : err('malformed')
}

/** The key inside a proof's header, if the header is one of a proof and fits the key. */
function readKey(headerText: string): PublicJwk | undefined {
  const header = parseJsonObject(decodeBase64url(headerText)?.toString() ?? '')
  if (header?.['typ'] !== 'dpop+jwt' || Object.hasOwn(header, 'crit')) return undefined
  const jwk = parsePublicJwk(header['jwk'])
  return jwk?.algorithm === header['alg'] ? jwk : undefined
}

function readProof(claims: JsonObject | undefined): Proof | undefined {
  if (!claims) return undefined
  const { jti, htm, htu, iat, ath } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return undefined
  if (typeof htu !== 'string' || typeof iat !== 'number' || !Number.isFinite(iat)) return undefined
  return { jti, htm, htu, iat, ath }
}

function claimsProblem(proof: Proof, request: DpopRequest): DpopProblem | undefined {
  const { method, url, token, now } = request
  if (proof.htm !== method) return 'wrong_method'
  const target = addressOf(url)
  if (target === undefined || addressOf(proof.htu) !== target) return 'wrong_url'
  const ageSeconds = now / 1000 - proof.iat
  if (!(ageSeconds <= PROOF_AGE_SECONDS && ageSeconds >= -PROOF_SKEW_SECONDS)) return 'wrong_time'
  if (token !== undefined && proof.ath !== digest(token)) return 'wrong_token'
  return undefined
}

/** Without query and fragment, and with the normalisation of RFC 3986 sections 6.2.2 and 6.2.3. */
function addressOf(url: string): string | undefined {
  const parsed = URL.parse(url)
  return parsed && /^https?:$/.test(parsed.protocol)
    ? `${parsed.origin}${parsed.pathname}`
    : undefined
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
