/**
 * The public codes of refusals: status, title and RFC 9209 error type of each.
 * Which refusal gets which code is describe.ts's choice; docs/ is generated from this table.
 */

export interface AnswerKind {
  readonly status: number
  readonly title: string
  readonly proxyStatusError:
    | 'http_request_denied'
    | 'http_request_error'
    | 'destination_not_found'
    | 'proxy_configuration_error'
    | 'proxy_internal_error'
}

const denied = (status: number, title: string): AnswerKind => ({
  status,
  title,
  proxyStatusError: 'http_request_denied',
})
const wrong = (status: number, title: string): AnswerKind => ({
  status,
  title,
  proxyStatusError: 'http_request_error',
})
const unset = (status: number, title: string): AnswerKind => ({
  status,
  title,
  proxyStatusError: 'proxy_configuration_error',
})
/** The only 5xx: what a client may well try again in a moment. */
const notNow = (title: string): AnswerKind => ({
  status: 503,
  title,
  proxyStatusError: 'proxy_internal_error',
})

export const ANSWER_KINDS = {
  invalid_token: denied(401, 'Token not accepted'),
  ambiguous_request: wrong(400, 'Ambiguous request'),
  ambiguous_host: wrong(400, 'Ambiguous host'),
  unreadable_body: wrong(400, 'Unreadable body'),
  insufficient_scope: denied(403, 'Insufficient scope'),
  operation_unknown: denied(403, 'Operation unknown'),
  service_not_granted: denied(403, 'Service not granted'),
  operation_unsupported: unset(403, 'Not supported yet'),
  unknown_host: denied(403, 'Host not part of the service'),
  operation_denied: denied(403, 'Denied by the service rules'),
  acting_as_not_allowed: denied(403, 'Acting as another is not allowed'),
  real_credential_presented: denied(403, 'Real credential presented'),
  upgrade_refused: denied(426, 'Upgrade refused'),
  unknown_service: {
    status: 404,
    title: 'Unknown service',
    proxyStatusError: 'destination_not_found',
  },
  method_not_allowed: denied(405, 'Method not allowed'),
  body_too_large: wrong(413, 'Body too large'),
  credential_not_configured: unset(424, 'Credential not configured'),
  rate_limited: denied(429, 'Rate limited'),
  quota_exhausted: denied(429, 'Quota exhausted'),
  internal_failure: {
    status: 500,
    title: 'Something broke',
    proxyStatusError: 'proxy_internal_error',
  },
  secret_unavailable: notNow('Secret unavailable'),
  audit_unavailable: notNow('Audit unavailable'),
  replica_stale: notNow('Replica out of date'),
  overloaded: notNow('Overloaded'),
} as const satisfies Record<string, AnswerKind>

export type AnswerCode = keyof typeof ANSWER_KINDS
