/**
 * From an `Authorization` header to an operator. Only the digest of a key is looked up, every
 * wrong key gets the same answer, and a source with many wrong ones has to wait.
 */

import type { AuditLog } from '../audit/audit-log.ts'
import type { Now } from '../base/clock.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Operator, OperatorStore } from '../policy/operator-store.ts'
import type { Refusal } from '../policy/refusal.ts'
import { parseToken, type TokenMode } from '../token/token.ts'
import type { ApiProblem } from './problem.ts'
import { createThrottle } from './throttle.ts'

interface Presented {
  readonly headers: Headers
  readonly source: string
  readonly requestId: string
}

export type Authenticate = (presented: Presented) => Promise<Result<Operator, ApiProblem>>

interface AuthParts {
  readonly operators: OperatorStore
  readonly audit: AuditLog
  readonly digestOf: (token: string) => string
  readonly mode: TokenMode
  readonly now: Now
}

const BEARER = /^bearer +(?<token>\S+)$/i
const MAX_PROVEN = 1000

const notAccepted: ApiProblem = {
  code: 'invalid_token',
  detail: 'Send an operator key of this environment as "Authorization: Bearer ok_...".',
}

type Reason = Extract<
  Refusal['reason'],
  | 'token_missing'
  | 'token_malformed'
  | 'token_unknown'
  | 'token_wrong_kind'
  | 'token_wrong_environment'
>

export function createAuthenticator({
  operators,
  audit,
  digestOf,
  mode,
  now,
}: AuthParts): Authenticate {
  const throttle = createThrottle(now)
  /** Digests that were good before: their holders are not locked out by a neighbour's guessing. */
  const proven = new Set<string>()

  const count = (presented: Presented, reason: Refusal['reason'], digest?: string) => {
    const { requestId, source } = presented
    const digestPrefix = digest === undefined ? {} : { digestPrefix: prefixOf(digest) }
    audit.count({ requestId, at: now(), reason, source, service: undefined, ...digestPrefix })
  }

  const refuse = (presented: Presented, reason: Reason, digest?: string) => {
    count(presented, reason, digest)
    if (reason !== 'token_missing') throttle.penalise(presented.source)
    return err(notAccepted)
  }

  return async (presented) => {
    const header = presented.headers.get('authorization')
    if (header === null) return refuse(presented, 'token_missing')
    const key = parseKey(header, mode)
    const digest = key.ok ? digestOf(key.value) : undefined
    const waitSeconds = throttle.waitSeconds(presented.source)
    if (waitSeconds > 0 && !(digest !== undefined && proven.has(digest))) {
      count(presented, 'source_throttled')
      return err(throttled(waitSeconds))
    }
    if (!key.ok) return refuse(presented, key.error)
    if (digest === undefined) return refuse(presented, 'token_malformed')
    const operator = await operators.findByDigest(digest)
    if (!operator) return refuse(presented, 'token_unknown', digest)
    if (proven.size < MAX_PROVEN) proven.add(digest)
    return ok(operator)
  }
}

/** Eight hex characters: enough to tell guesses apart, useless for anything else. */
function prefixOf(digest: string): string {
  return Buffer.from(digest, 'base64url').toString('hex').slice(0, 8)
}

/** The text of an operator key of this environment, or what else it is. */
function parseKey(header: string, mode: TokenMode): Result<string, Reason> {
  const parsed = parseToken(BEARER.exec(header)?.groups?.token ?? '')
  if (!parsed) return err('token_malformed')
  if (parsed.kind !== 'ok') return err('token_wrong_kind')
  if (parsed.mode !== mode) return err('token_wrong_environment')
  return ok(parsed.text)
}

function throttled(retryAfterSeconds: number): ApiProblem {
  return {
    code: 'rate_limited',
    detail: `Too many keys from this address were not accepted: wait ${retryAfterSeconds} s.`,
    retryAfterSeconds,
  }
}
