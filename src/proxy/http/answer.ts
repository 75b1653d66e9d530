/**
 * The one place of the data plane that writes error responses.
 *
 * A refusal must look like one to the agent's SDK: some resolve happily when a member is missing,
 * others retry for half an hour when the status is wrong. Each shape here is what some vendor's
 * clients were seen to need; the statuses and words are policy's.
 */

import type { RefusalShape, Service } from '../../catalog/service.ts'
import type { WireAnswer } from '../wire/message.ts'
import type { Problem } from './problem.ts'

/** What the answer depends on beside the problem. */
export interface AnswerSetting {
  /** The service that the door names, recognised token or not. */
  readonly service: Service | undefined
  readonly userAgent: string
  readonly contentType: string | undefined
}

interface Shaped {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const REALM = 'realm="apistronghold"'

/** The problem as the clients of this service understand it. */
export function formatProblem(problem: Problem, setting: AnswerSetting): WireAnswer {
  const shaped = shapeProblem(problem, setting)
  const headers = [
    'Content-Type',
    shaped.contentType,
    'Cache-Control',
    'no-store',
    'Proxy-Status',
    `apistronghold; error=${problem.proxyStatusError}; details="${problem.code}"`,
    'apistronghold-request-id',
    problem.requestId,
    ...challenges(problem, setting),
  ]
  if (problem.retryAfterSeconds !== undefined) {
    headers.push('Retry-After', String(problem.retryAfterSeconds))
  }
  // Asked by the OpenAI and Anthropic SDKs, and by Stripe's, before they try again.
  if (problem.isFinal) headers.push('x-should-retry', 'false', 'stripe-should-retry', 'false')
  return { status: shaped.status, headers, body: shaped.body }
}

function challenges({ status, code, scope }: Problem, { service }: AnswerSetting): string[] {
  if (status === 401) {
    const bearer = ['WWW-Authenticate', `Bearer ${REALM}, error="invalid_token"`]
    // git asks first and sends its credentials when it is challenged for Basic.
    const asksBasic = service?.accept.some((place) => 'scheme' in place && place.scheme === 'basic')
    return asksBasic === true ? [...bearer, 'WWW-Authenticate', `Basic ${REALM}`] : bearer
  }
  if (code !== 'insufficient_scope') return []
  const scopes = (scope ?? []).join(' ')
  return ['WWW-Authenticate', `Bearer ${REALM}, error="insufficient_scope", scope="${scopes}"`]
}

function shapeProblem(problem: Problem, setting: AnswerSetting): Shaped {
  if (setting.userAgent.startsWith('git/')) return shapeForGit(problem)
  if (!setting.service) return json(problem, commonBody(problem), 'application/problem+json')
  return SHAPES[setting.service.refusal](problem, setting)
}

const SHAPES: Readonly<Record<RefusalShape, (problem: Problem, setting: AnswerSetting) => Shaped>> =
  {
    problem: (problem) => json(problem, commonBody(problem)),
    slack: shapeForSlack,
    google: (problem) => json(problem, { ...commonBody(problem), error: googleError(problem) }),
    graphql: (problem) =>
      json(problem, {
        ...commonBody(problem),
        errors: [{ message: problem.detail, extensions: { code: problem.code } }],
      }),
    aws: shapeForAws,
  }

/** RFC 9457 for readers; `error` and `message` because SDKs read those. */
function commonBody(problem: Problem) {
  const { code, title, status, detail, requestId } = problem
  return {
    type: `urn:problem-type:apistronghold:${code}`,
    title,
    status,
    detail,
    instance: requestId,
    error: { type: errorType(status), code, message: detail },
    message: detail,
  }
}

function errorType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'api_error' : 'invalid_request_error'
}

/**
 * Slack's client retries every other status for half an hour. Only a rate limit stays a 429: it
 * waits for `Retry-After` and then goes on; an upstream that is down may well come back.
 */
function shapeForSlack(problem: Problem): Shaped {
  const { code, detail, scope, status, isFinal } = problem
  const body = {
    ok: false,
    error: code,
    ...(scope ? { needed: scope.join(',') } : {}),
    detail,
    request_id: problem.requestId,
    response_metadata: { messages: [`[ERROR] ${detail}`] },
  }
  return json({ status: isFinal ? 200 : status }, body)
}

const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  424: 'FAILED_PRECONDITION',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

function googleError({ status, code, detail }: Problem) {
  return {
    code: status,
    message: detail,
    status: GOOGLE_STATUSES[status] ?? 'FAILED_PRECONDITION',
    errors: [{ message: detail, domain: 'apistronghold', reason: code }],
  }
}

/** AWS clients of the JSON protocols read `__type`; the others read XML. */
function shapeForAws(problem: Problem, { contentType }: AnswerSetting): Shaped {
  const { status, detail, requestId } = problem
  const name = status === 401 ? 'UnrecognizedClientException' : 'AccessDeniedException'
  if (contentType?.includes('json') === true) {
    return json(problem, { ...commonBody(problem), __type: name }, 'application/x-amz-json-1.0')
  }
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse><Error><Type>Sender</Type>` +
    `<Code>${name}</Code><Message>${escapeXml(detail)}</Message></Error>` +
    `<RequestId>${requestId}</RequestId></ErrorResponse>`
  return { status, contentType: 'text/xml', body }
}

/** git shows what a server says only when it is plain text, each line behind `remote:`. */
function shapeForGit({ status, detail }: Problem): Shaped {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${detail}\n` }
}

function json(
  { status }: Pick<Problem, 'status'>,
  body: object,
  contentType = 'application/json',
): Shaped {
  return { status, contentType, body: JSON.stringify(body) }
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`)
}
