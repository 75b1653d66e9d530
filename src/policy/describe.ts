/**
 * What a refused caller is told. Everything wrong with a token is one and the same answer; once
 * the token is accepted, the answer says what to do. A 5xx only where trying again can help.
 */

import { ANSWER_KINDS } from './answer.ts'
import type { AnswerCode } from './answer.ts'
import type { Refusal, RefusalAnswer, RefusalSubject } from './refusal.ts'

/** Longer paths are cut in the text; the audit has them whole. */
const SHOWN_PATH_LENGTH = 200

/** Where nothing says when a quota ends: long enough that no SDK waits it out. */
const QUOTA_RETRY_SECONDS = 3600

type Extra = Pick<RefusalAnswer, 'retryAfterSeconds' | 'scope'>

/** Words a refusal for its caller. */
// eslint-disable-next-line max-lines-per-function, complexity -- one exhaustive switch, one line of words per reason
export function describeRefusal(refusal: Refusal, subject: RefusalSubject): RefusalAnswer {
  const say = (code: AnswerCode, detail: string, extra: Extra = {}): RefusalAnswer => ({
    ...ANSWER_KINDS[code],
    code,
    detail: `${detail} Request ${subject.requestId}.`,
    ...extra,
  })
  switch (refusal.reason) {
    case 'token_missing':
    case 'token_malformed':
    case 'token_unknown':
    case 'token_wrong_kind':
    case 'token_wrong_environment':
    case 'token_expired':
    case 'token_revoked':
    case 'agent_disabled':
    case 'token_suspended':
    case 'binding_mismatch':
    case 'signature_invalid':
      return say(
        'invalid_token',
        'The phantom token is missing, malformed, unknown, expired, revoked or not valid here: ask your operator for a new one.',
      )
    case 'token_in_url':
      return say('ambiguous_request', 'Send the phantom token in a header, not in the URL.')
    case 'two_tokens':
      return say(
        'ambiguous_request',
        `Send one phantom token in one place; found ${refusal.places.join(' and ')}.`,
      )
    case 'request_malformed':
      return say('ambiguous_request', `The request cannot be read: ${refusal.problem}.`)
    case 'source_throttled':
      return say(
        'rate_limited',
        `Too many rejected requests from this address: wait ${refusal.retryAfterSeconds} s.`,
        { retryAfterSeconds: refusal.retryAfterSeconds },
      )
    case 'service_unknown':
      return say(
        'unknown_service',
        `There is no service "${refusal.service}" here: check the base URL.`,
      )
    case 'service_not_granted':
      return say(
        'service_not_granted',
        `${whoOf(subject)} has no scope of ${refusal.service}: ask for a token with one.`,
      )
    case 'signature_missing':
      return say(
        'ambiguous_request',
        `Requests to ${refusal.service} are signed: give its SDK the key pair that "apistronghold token issue --print-env" prints.`,
      )
    case 'signature_unsupported':
      return say('operation_unsupported', `The request cannot be signed again: ${refusal.problem}.`)
    case 'service_unsupported':
      return say(
        'operation_unsupported',
        `${whatOf(subject)} of ${refusal.service} cannot be proxied: ${refusal.why}.`,
      )
    case 'host_ambiguous':
      return say(
        'ambiguous_host',
        `Several hosts answer this path: put /~HOST before it, with one of ${refusal.hosts.join(', ')}.`,
      )
    case 'host_unknown':
      return say(
        'unknown_host',
        `"${refusal.host}" is no host of this service: leave it out or use one that service show lists.`,
      )
    case 'target_not_canonical':
      return say(
        'ambiguous_request',
        `The path can be read in more than one way: ${refusal.problem}. Send it in its plain form.`,
      )
    case 'operation_unknown':
      return say(
        'operation_unknown',
        `${whoOf(subject)} may not ${whatOf(subject)}: no rule of the service knows this operation.`,
      )
    case 'method_not_allowed':
      return say('method_not_allowed', `The method ${refusal.method} is never forwarded.`)
    case 'scope_missing':
      return say(
        'insufficient_scope',
        `${whoOf(subject)} may not ${whatOf(subject)}: needs ${refusal.missing.join(', ')} (${refusal.risk}).${assumedOf(refusal.assumed)}`,
        { scope: refusal.missing },
      )
    case 'guard_denied':
      return say(
        'operation_denied',
        `${whoOf(subject)} may not ${whatOf(subject)}: ${refusal.why}.`,
      )
    case 'acting_as_not_allowed':
      return say(
        'acting_as_not_allowed',
        refusal.needs === undefined
          ? `"${refusal.field}" changes who acts and is never forwarded: leave it out.`
          : `"${refusal.field}" changes who acts: leave it out, or use a token with ${refusal.needs}.`,
        refusal.needs === undefined ? {} : { scope: [refusal.needs] },
      )
    case 'real_credential_presented':
      return say(
        'real_credential_presented',
        `The ${refusal.place} holds what looks like a real key: send the phantom token only, and have that key rotated.`,
      )
    case 'body_unreadable':
      return say(
        'unreadable_body',
        `A rule must read this body and cannot: ${refusal.problem}. Send it plain, as JSON or a form.`,
      )
    case 'body_too_large':
      return say(
        'body_too_large',
        `A rule must read this body, so it may have at most ${refusal.limitBytes} bytes.`,
      )
    case 'upgrade_refused':
      return say('upgrade_refused', 'No rule allows an upgraded connection for this operation.')
    case 'credential_not_configured':
      return say(
        'credential_not_configured',
        refusal.isSealedElsewhere === true
          ? `The credential "${refusal.credential}" is sealed for other origins than the service has now: apistronghold secret set ${refusal.credential} seals it for this one.`
          : `The operator has stored no credential "${refusal.credential}": it needs apistronghold secret set ${refusal.credential}.`,
      )
    case 'rate_limited':
      return say(
        'rate_limited',
        `${whoOf(subject)} has reached the rate of its token: wait ${refusal.retryAfterSeconds} s.`,
        { retryAfterSeconds: refusal.retryAfterSeconds },
      )
    case 'quota_exhausted':
      return say(
        'quota_exhausted',
        `${whoOf(subject)} has used all requests of its token: ask your operator for a new one.`,
        { retryAfterSeconds: refusal.retryAfterSeconds ?? QUOTA_RETRY_SECONDS },
      )
    case 'secret_unavailable':
      return say(
        'secret_unavailable',
        `The credential "${refusal.credential}" cannot be read right now; nothing was forwarded.`,
        { retryAfterSeconds: 5 },
      )
    case 'audit_unavailable':
      return say(
        'audit_unavailable',
        'The audit record cannot be written right now; nothing was forwarded.',
        { retryAfterSeconds: 5 },
      )
    case 'replica_stale':
      return say(
        'replica_stale',
        'This replica does not know the newest revocations yet; nothing was forwarded.',
        { retryAfterSeconds: 1 },
      )
    case 'internal_failure':
      return say(
        'internal_failure',
        'The proxy failed and its log has more; nothing was forwarded.',
      )
    case 'overloaded':
      return say('overloaded', 'The proxy is at its limit; nothing was forwarded.', {
        retryAfterSeconds: 1,
      })
  }
}

function whoOf({ agent }: RefusalSubject): string {
  return agent ?? 'This token'
}

/** The operation as `POST /v1/refunds`, as far as it is known. */
function whatOf({ method, path, operation }: RefusalSubject): string {
  if (operation !== undefined) return `call ${operation}`
  if (method === undefined || path === undefined) return 'do this'
  const shown = path.length > SHOWN_PATH_LENGTH ? `${path.slice(0, SHOWN_PATH_LENGTH)}...` : path
  return `${method} ${shown}`
}

function assumedOf(problem: string | undefined): string {
  if (problem === undefined) return ''
  return ` A rule must look into the body and cannot: ${problem}. As JSON or a form it may need less.`
}
