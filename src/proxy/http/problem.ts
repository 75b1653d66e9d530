/** What went wrong, before it takes the shape that one service's clients understand. */

import type { Failure } from '../../base/errors.ts'
import { describeRefusal } from '../../policy/describe.ts'
import type { Refusal, RefusalSubject } from '../../policy/refusal.ts'

export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  /** RFC 9209 error type. */
  readonly proxyStatusError: string
  readonly requestId: string
  readonly retryAfterSeconds?: number
  readonly scope?: readonly string[]
  /** Trying the same again cannot help, or not soon: SDKs that ask are told so. */
  readonly isFinal: boolean
}

/** Refusals that a moment's waiting may turn into a yes. */
const PASSING = new Set<Refusal['reason']>([
  'rate_limited',
  'source_throttled',
  'overloaded',
  'replica_stale',
])

export function problemOfRefusal(refusal: Refusal, subject: RefusalSubject): Problem {
  const answer = describeRefusal(refusal, subject)
  return { ...answer, requestId: subject.requestId, isFinal: !PASSING.has(refusal.reason) }
}

const UPSTREAM_KINDS = {
  upstream_timeout: [504, 'http_response_timeout', 'did not answer in time'],
  upstream_tls_invalid: [502, 'tls_certificate_error', 'showed a certificate that does not verify'],
  upstream_malformed: [502, 'http_protocol_error', 'did not answer in valid HTTP'],
  address_forbidden: [502, 'destination_ip_prohibited', 'has an address that may not be dialled'],
  upstream_unreachable: [502, 'destination_unavailable', 'cannot be reached'],
} as const

/** Words a failure of the upstream, or of ourselves; nothing but its kind gets out. */
export function problemOfFailure(failure: Failure | undefined, requestId: string): Problem {
  const code = failure?.code
  if (code === undefined || !(code in UPSTREAM_KINDS)) return internalProblem(requestId)
  const kind = code as keyof typeof UPSTREAM_KINDS // just looked up
  const [status, proxyStatusError, what] = UPSTREAM_KINDS[kind]
  return {
    status,
    code: status === 504 ? 'upstream_timeout' : 'upstream_unreachable',
    title: status === 504 ? 'Upstream timeout' : 'Upstream unreachable',
    detail: `The upstream ${what}. Request ${requestId}.`,
    proxyStatusError,
    requestId,
    isFinal: false,
  }
}

function internalProblem(requestId: string): Problem {
  return {
    status: 500,
    code: 'internal_failure',
    title: 'Something broke',
    detail: `The proxy failed and its log has more. Request ${requestId}.`,
    proxyStatusError: 'proxy_internal_error',
    requestId,
    isFinal: true,
  }
}
