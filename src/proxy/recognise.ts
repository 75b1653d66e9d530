/**
 * From a presented token to the grant behind it, whatever the grant's state: raw text first, then
 * shape, then one digest and one look-up. Whether the grant may be used is exchange.ts's question.
 */

import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { GrantStore, StoredGrant } from '../policy/grant-store.ts'
import type { Refusal } from '../policy/refusal.ts'
import { MAX_JWT_LENGTH } from '../token/jwt.ts'
import { tokenIdOf } from '../token/key-pair.ts'
import { parseToken } from '../token/token.ts'
import type { TokenMode } from '../token/token.ts'
import { createGrantCache } from './grant-cache.ts'
import { createThrottle } from './throttle.ts'
import type { Throttle, ThrottleLimits } from './throttle.ts'

/** A phantom token as it was found in a request; of a key pair, the key id that names it. */
export interface Presented {
  readonly text: string
  readonly form: 'opaque' | 'jwt' | 'key_id'
}

export interface Unrecognised {
  readonly refusal: Refusal
  /** First 8 hex characters of the digest of something token-like. */
  readonly digestPrefix?: string
}

export interface RecogniserParts {
  readonly grants: Pick<GrantStore, 'findByDigest' | 'findById'>
  /** Keyed digest of a token's whole text (token/digest.ts). */
  readonly digest: (token: string) => string
  /** Reads a signed token of this environment (token/jwt.ts); absent where none are issued. */
  readonly verifyJwt?: (text: string, now: number) => Result<StoredGrant, Refusal>
  readonly mode: TokenMode
  readonly throttle: ThrottleLimits
  readonly cachedTokens: number
  readonly log: Log
}

export interface Recogniser {
  /** A token that was recognised before. */
  recall(presented: Presented): StoredGrant | undefined
  /** Any other: by its shape, then by its digest or signature. */
  recognise(
    presented: Presented,
    source: string,
    now: number,
  ): Promise<Result<StoredGrant, Unrecognised>>
  /** Takes back a grant that changed: its first-use address was fixed. */
  replace(presented: Presented, grant: StoredGrant): void
}

/** Builds the recogniser with an empty cache. */
export function createRecogniser(parts: RecogniserParts): Recogniser {
  const { digest, mode, log } = parts
  const cache = createGrantCache(parts.cachedTokens)
  const throttle = createThrottle(parts.throttle)
  /** Signed tokens are long: those are kept by digest, the others by their text. */
  const cacheKey = ({ text, form }: Presented) => (form === 'jwt' ? digest(text) : text)

  return {
    recall(presented) {
      return isTooLong(presented) ? undefined : cache.find(cacheKey(presented))
    },
    async recognise(presented, source, now) {
      const refusal = refuseShape(presented, mode)
      if (refusal) return err({ refusal })
      try {
        const found = await lookUp(parts, presented, now)
        if (found.ok) {
          cache.keep(cacheKey(presented), found.value)
          throttle.succeeded(source)
          return found
        }
        // Only failures are braked: an address shared with a guesser must not lock a token out.
        const throttled = refuseSource(throttle, source, now)
        throttle.failed(source, now)
        return throttled ? err({ ...found.error, refusal: throttled }) : found
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        log.error('grant_look_up_failed', { code: error.code })
        return err({ refusal: { reason: 'replica_stale' } })
      }
    },
    replace(presented, grant) {
      cache.keep(cacheKey(presented), grant)
    },
  }
}

/** One digest, and one question to the store or one signature to verify. */
async function lookUp(
  { grants, digest, verifyJwt }: RecogniserParts,
  { text, form }: Presented,
  now: number,
): Promise<Result<StoredGrant, Unrecognised>> {
  const key = digest(text)
  const verdict = form === 'jwt' ? verifyJwt?.(text, now) : undefined
  if (verdict?.ok === true) return verdict
  const grant = await findGrant(grants, { form, text, key })
  if (grant) return ok(grant)
  const digestPrefix = Buffer.from(key, 'base64url').subarray(0, 4).toString('hex')
  return err({ refusal: verdict?.error ?? { reason: 'token_unknown' }, digestPrefix })
}

function findGrant(
  grants: RecogniserParts['grants'],
  { form, text, key }: Presented & { readonly key: string },
): Promise<StoredGrant | undefined> {
  if (form === 'opaque') return grants.findByDigest(key)
  const id = form === 'key_id' ? tokenIdOf(text) : undefined
  return id === undefined ? Promise.resolve(undefined) : grants.findById(id)
}

/** Longer than any token we sign: nothing is computed from it (TK-09). */
function isTooLong({ text }: Presented): boolean {
  return text.length > MAX_JWT_LENGTH
}

function refuseSource(throttle: Throttle, source: string, now: number): Refusal | undefined {
  const seconds = throttle.delaySeconds(source, now)
  return seconds === undefined
    ? undefined
    : { reason: 'source_throttled', retryAfterSeconds: seconds }
}

/** What is wrong with a token by its text alone; no store is asked about such a one (TK-02). */
function refuseShape(presented: Presented, mode: TokenMode): Refusal | undefined {
  const { text, form } = presented
  if (isTooLong(presented)) return { reason: 'token_malformed' }
  if (form !== 'opaque') return undefined
  const token = parseToken(text)
  if (!token) return { reason: 'token_malformed' }
  if (token.kind !== 'pt') return { reason: 'token_wrong_kind', kind: token.kind }
  return token.mode === mode ? undefined : { reason: 'token_wrong_environment' }
}
