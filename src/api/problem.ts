/**
 * The one place that words and writes errors of the control plane: RFC 9457 problem JSON.
 *
 * Routes return an `ApiProblem` as a value; failures that nobody planned for are turned into one
 * here, and lose everything but their kind on the way out.
 */

import { Failure } from '../base/errors.ts'

const KINDS = {
  invalid_request: [400, 'Request not valid'],
  cursor_invalid: [400, 'Cursor not valid'],
  ttl_invalid: [400, 'Lifetime not valid'],
  scope_unknown: [400, 'Scope unknown'],
  invalid_token: [401, 'Operator key not accepted'],
  role_insufficient: [403, 'Role not sufficient'],
  origin_forbidden: [403, 'Not for browsers of other sites'],
  not_found: [404, 'Not found'],
  agent_disabled: [409, 'Agent disabled'],
  credential_not_configured: [409, 'Credential not configured'],
  service_unsupported: [409, 'Service not supported yet'],
  subject_ambiguous: [409, 'More than one of this name'],
  name_taken: [409, 'Name taken'],
  last_admin: [409, 'Last admin'],
  configuration_invalid: [409, 'Configuration not valid'],
  request_running: [409, 'Still running'],
  length_required: [411, 'Content-Length required'],
  version_conflict: [412, 'Another version is there'],
  body_too_large: [413, 'Body too large'],
  content_type_unsupported: [415, 'JSON only'],
  host_forbidden: [421, 'Host not served here'],
  envelope_refused: [422, 'Envelope refused'],
  idempotency_key_reused: [422, 'Idempotency key reused'],
  version_required: [428, 'If-Match required'],
  rate_limited: [429, 'Too many refused keys'],
  headers_too_large: [431, 'Header too large'],
  request_timeout: [408, 'Request took too long'],
  internal_failure: [500, 'Something broke'],
  audit_unavailable: [503, 'Audit unavailable'],
  database_unavailable: [503, 'Database unavailable'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof KINDS

/** For the documentation. */
export const PROBLEM_STATUSES = Object.fromEntries(
  Object.entries(KINDS).map(([code, [status]]) => [code, status]),
) as Readonly<Record<ProblemCode, number>> // the same keys

export interface ApiProblem {
  readonly code: ProblemCode
  /** What happened and what to do about it; never a token, secret or body. */
  readonly detail: string
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
  /** Valid names close to the unknown one. */
  readonly nearest?: readonly string[]
  readonly retryAfterSeconds?: number
}

const HEADERS = { 'content-type': 'application/problem+json' }

/** The problem as a response; `Retry-After` and `WWW-Authenticate` where they belong. */
export function problemResponse(problem: ApiProblem, requestId: string): Response {
  const { retryAfterSeconds } = problem
  const headers = new Headers(HEADERS)
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
  if (problem.code === 'invalid_token') headers.set('www-authenticate', 'Bearer realm="control"')
  const [status] = KINDS[problem.code]
  return new Response(JSON.stringify(problemBody(problem, requestId)), { status, headers })
}

function problemBody(problem: ApiProblem, requestId: string) {
  const { code, detail, errors, nearest } = problem
  const [status, title] = KINDS[code]
  return {
    type: `urn:problem-type:apistronghold:${code}`,
    title,
    status,
    detail,
    instance: requestId,
    code,
    requestId,
    ...(errors ? { errors } : {}),
    ...(nearest ? { nearest } : {}),
  }
}

/** What a thrown value looks like from outside: its kind where that helps, else nothing. */
export function problemOfFailure(error: unknown): ApiProblem {
  const code = error instanceof Failure ? error.code : undefined
  if (code === 'audit_unavailable')
    return {
      code,
      detail: 'The audit cannot be written, so nothing was changed. Free the disk and try again.',
    }
  if (code === 'database_unavailable')
    return { code, detail: 'The database cannot be used right now. Try again, then see the log.' }
  return { code: 'internal_failure', detail: 'The log has more under this request id.' }
}
