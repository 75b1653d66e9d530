/** What went wrong, before it takes the shape that one service's clients understand. */

import type { Failure, FailureCode } from '../../base/errors.ts'
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

interface UpstreamKind {
  readonly status: 502 | 503 | 504
  /** The public code; docs/answers.md explains each. */
  readonly code: string
  readonly title: string
  readonly proxyStatusError: string
  /** What the upstream did, or what happened to it. */
  readonly what: string
}

const unreachable = (proxyStatusError: string, what: string): UpstreamKind => ({
  status: 502,
  code: 'upstream_unreachable',
  title: 'Upstream unreachable',
  proxyStatusError,
  what,
})

const UPSTREAM_KINDS = new Map<FailureCode, UpstreamKind>([
  ['upstream_unreachable', unreachable('destination_unavailable', 'cannot be reached')],
  [
    'upstream_tls_invalid',
    unreachable('tls_certificate_error', 'showed a certificate that does not verify'),
  ],
  ['upstream_malformed', unreachable('http_protocol_error', 'did not answer in valid HTTP')],
  [
    'upstream_undecodable',
    unreachable('http_response_content_coding', 'answered in a form that cannot be looked through'),
  ],
  [
    'address_forbidden',
    unreachable('destination_ip_prohibited', 'has an address that may not be dialled'),
  ],
  [
    'upstream_timeout',
    {
      status: 504,
      code: 'upstream_timeout',
      title: 'Upstream timeout',
      proxyStatusError: 'http_response_timeout',
      what: 'did not answer in time',
    },
  ],
  [
    'upstream_circuit_open',
    {
      status: 503,
      code: 'upstream_circuit_open',
      title: 'Upstream left alone',
      proxyStatusError: 'destination_unavailable',
      what: 'failed too often and is left alone for a moment; nothing was forwarded',
    },
  ],
  [
    'upstream_overloaded',
    {
      status: 503,
      code: 'upstream_overloaded',
      title: 'Upstream overloaded',
      proxyStatusError: 'connection_limit_reached',
      what: 'has as many requests of ours as it may; nothing was forwarded',
    },
  ],
])

/** Words a failure of the upstream, or of ourselves; nothing but its kind gets out. */
export function problemOfFailure(failure: Failure | undefined, requestId: string): Problem {
  const kind = failure && UPSTREAM_KINDS.get(failure.code)
  if (!kind) return internalProblem(requestId)
  const { status, code, title, proxyStatusError, what } = kind
  const { retryAfterSeconds } = failure
  return {
    status,
    code,
    title,
    detail: `The upstream ${what}. Request ${requestId}.`,
    proxyStatusError,
    requestId,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
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
