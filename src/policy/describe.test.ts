import { describe, expect, it } from 'vitest'
import { describeRefusal } from './describe.ts'
import type { Refusal } from './refusal.ts'

const subject = {
  agent: 'order-processing-agent',
  method: 'POST',
  path: '/v1/refunds',
  requestId: 'req_01',
}

const BAD_TOKENS: readonly Refusal[] = [
  { reason: 'token_missing' },
  { reason: 'token_malformed' },
  { reason: 'token_unknown' },
  { reason: 'token_wrong_kind', kind: 'mt' },
  { reason: 'token_wrong_environment' },
  { reason: 'token_expired', expiredAt: 1 },
  { reason: 'token_revoked' },
  { reason: 'agent_disabled' },
  { reason: 'binding_mismatch', binding: 'cidr' },
]

const OTHERS: readonly (readonly [Refusal, number, string])[] = [
  [{ reason: 'token_in_url' }, 400, 'ambiguous_request'],
  [{ reason: 'two_tokens', places: ['authorization', 'x-api-key'] }, 400, 'ambiguous_request'],
  [{ reason: 'request_malformed', problem: 'two Host fields' }, 400, 'ambiguous_request'],
  [{ reason: 'source_throttled', retryAfterSeconds: 7 }, 429, 'rate_limited'],
  [{ reason: 'service_unknown', service: 'strpe' }, 404, 'unknown_service'],
  [{ reason: 'service_not_granted', service: 'github' }, 403, 'service_not_granted'],
  [{ reason: 'service_unsupported', service: 'aws', why: 'SigV4' }, 403, 'operation_unsupported'],
  [{ reason: 'host_ambiguous', hosts: ['a.example', 'b.example'] }, 400, 'ambiguous_host'],
  [{ reason: 'host_unknown', host: 'evil.example' }, 403, 'unknown_host'],
  [{ reason: 'target_not_canonical', problem: 'dot segment' }, 400, 'ambiguous_request'],
  [{ reason: 'operation_unknown', method: 'POST' }, 403, 'operation_unknown'],
  [{ reason: 'method_not_allowed', method: 'TRACE' }, 405, 'method_not_allowed'],
  [
    { reason: 'scope_missing', missing: ['stripe:refund'], risk: 'money' },
    403,
    'insufficient_scope',
  ],
  [{ reason: 'guard_denied', guard: 'override', why: 'no overrides' }, 403, 'operation_denied'],
  [
    { reason: 'acting_as_not_allowed', field: 'stripe-account', needs: 'stripe:account' },
    403,
    'acting_as_not_allowed',
  ],
  [
    { reason: 'acting_as_not_allowed', field: 'sudo', needs: undefined },
    403,
    'acting_as_not_allowed',
  ],
  [
    { reason: 'real_credential_presented', place: 'authorization' },
    403,
    'real_credential_presented',
  ],
  [{ reason: 'body_unreadable', problem: 'duplicate key' }, 400, 'unreadable_body'],
  [{ reason: 'body_too_large', limitBytes: 10_485_760 }, 413, 'body_too_large'],
  [{ reason: 'upgrade_refused' }, 426, 'upgrade_refused'],
  [{ reason: 'credential_not_configured', credential: 'stripe' }, 424, 'credential_not_configured'],
  [{ reason: 'rate_limited', retryAfterSeconds: 1 }, 429, 'rate_limited'],
  [{ reason: 'quota_exhausted' }, 429, 'quota_exhausted'],
  [{ reason: 'secret_unavailable', credential: 'stripe' }, 503, 'secret_unavailable'],
  [{ reason: 'audit_unavailable' }, 503, 'audit_unavailable'],
  [{ reason: 'replica_stale' }, 503, 'replica_stale'],
  [{ reason: 'overloaded' }, 503, 'overloaded'],
]

describe('describeRefusal', () => {
  it('TK-01 gives one and the same answer for everything wrong with a token', () => {
    const answers = BAD_TOKENS.map((refusal) => describeRefusal(refusal, subject))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 401, code: 'invalid_token' })
    expect(answers[0]?.detail).not.toContain('order-processing-agent')
  })

  it.each(OTHERS)('words %o as %i %s', (refusal, status, code) => {
    const answer = describeRefusal(refusal, subject)
    expect(answer).toMatchObject({ status, code })
    expect(answer.detail).toMatch(/ Request req_01\.$/)
    expect(answer.title).not.toBe('')
    expect(answer.proxyStatusError).toMatch(/^[a-z_]+$/)
  })

  it('names the agent, the operation, the scope and its risk when a scope is missing', () => {
    const answer = describeRefusal(
      { reason: 'scope_missing', missing: ['stripe:refund'], risk: 'money' },
      subject,
    )
    expect(answer.detail).toBe(
      'order-processing-agent may not POST /v1/refunds: needs stripe:refund (money). Request req_01.',
    )
    expect(answer.scope).toEqual(['stripe:refund'])
  })

  it('answers 5xx only with a time to try again, and 429 always with one', () => {
    for (const [refusal] of OTHERS) {
      const { status, retryAfterSeconds } = describeRefusal(refusal, subject)
      expect(retryAfterSeconds !== undefined).toBe(status === 429 || status >= 500)
    }
  })

  it('names no place that is not known yet', () => {
    const answer = describeRefusal(
      { reason: 'operation_unknown', method: 'GET' },
      { requestId: 'req_02' },
    )
    expect(answer.detail).toBe(
      'This token may not do this: no rule of the service knows this operation. Request req_02.',
    )
  })

  it('cuts a very long path', () => {
    const answer = describeRefusal(
      { reason: 'operation_unknown', method: 'GET' },
      { ...subject, path: `/${'a'.repeat(9000)}` },
    )
    expect(answer.detail.length).toBeLessThan(400)
  })
})
