/**
 * Every reason the proxy may refuse a request. The audit keeps the whole value; what the caller
 * is told is `describeRefusal`'s choice: everything wrong with a token looks the same outside.
 */

export type Refusal =
  // before a token is recognised: counted in the audit, not single records
  | { readonly reason: 'token_missing' }
  | { readonly reason: 'token_malformed' }
  | { readonly reason: 'token_unknown' }
  | { readonly reason: 'token_wrong_kind'; readonly kind: string }
  | { readonly reason: 'token_wrong_environment' }
  | { readonly reason: 'token_in_url' }
  | { readonly reason: 'two_tokens'; readonly places: readonly string[] }
  | { readonly reason: 'request_malformed'; readonly problem: string }
  | { readonly reason: 'source_throttled'; readonly retryAfterSeconds: number }
  // the token is known
  | { readonly reason: 'token_expired'; readonly expiredAt: number }
  /** `revokedAt`: a use right after it is a straggler's, a later one deserves a look. */
  | { readonly reason: 'token_revoked'; readonly revokedAt?: number }
  | { readonly reason: 'agent_disabled'; readonly revokedAt?: number }
  /** Held until an operator resumes it: its power is taken away as by a revocation meanwhile. */
  | { readonly reason: 'token_suspended'; readonly suspendedAt?: number }
  | { readonly reason: 'binding_mismatch'; readonly binding: 'cidr' | 'dpop' | 'first-use' }
  /** Of a phantom key pair, over this very request; `problem` is for the record. */
  | { readonly reason: 'signature_invalid'; readonly problem: string }
  | { readonly reason: 'signature_missing'; readonly service: string }
  | { readonly reason: 'signature_unsupported'; readonly problem: string }
  | { readonly reason: 'service_unknown'; readonly service: string }
  | { readonly reason: 'service_not_granted'; readonly service: string }
  | { readonly reason: 'service_unsupported'; readonly service: string; readonly why: string }
  | { readonly reason: 'host_ambiguous'; readonly hosts: readonly string[] }
  | { readonly reason: 'host_unknown'; readonly host: string }
  | { readonly reason: 'target_not_canonical'; readonly problem: string }
  | { readonly reason: 'operation_unknown'; readonly method: string }
  | { readonly reason: 'method_not_allowed'; readonly method: string }
  | {
      readonly reason: 'scope_missing'
      readonly missing: readonly string[]
      /** Risk class of the worst missing scope. */
      readonly risk: string
      /** Why the body was taken for the worst unread: sent otherwise, it may need less. */
      readonly assumed?: string
    }
  | { readonly reason: 'guard_denied'; readonly guard: string; readonly why: string }
  | {
      readonly reason: 'acting_as_not_allowed'
      readonly field: string
      readonly needs: string | undefined
    }
  | { readonly reason: 'real_credential_presented'; readonly place: string }
  | { readonly reason: 'body_unreadable'; readonly problem: string }
  | { readonly reason: 'body_too_large'; readonly limitBytes: number }
  | { readonly reason: 'upgrade_refused' }
  | {
      readonly reason: 'credential_not_configured'
      readonly credential: string
      /** It is there, and was sealed for other origins than this request's. */
      readonly isSealedElsewhere?: boolean
    }
  | { readonly reason: 'rate_limited'; readonly retryAfterSeconds: number }
  | {
      readonly reason: 'quota_exhausted'
      /** Seconds until the token expires: before that, waiting does not help. */
      readonly retryAfterSeconds?: number
    }
  // we cannot, right now
  | { readonly reason: 'secret_unavailable'; readonly credential: string }
  | { readonly reason: 'audit_unavailable' }
  | { readonly reason: 'replica_stale' }
  | { readonly reason: 'overloaded' }
  /** A bug of ours: nothing was forwarded. */
  | { readonly reason: 'internal_failure' }

export type RefusalReason = Refusal['reason']

/** Who asked for what, in words, for the `detail` of an answer. Absent before it is known. */
export interface RefusalSubject {
  readonly agent?: string
  readonly method?: string
  readonly path?: string
  /** `iam:CreateUser`, where method and path do not name what was asked for. */
  readonly operation?: string
  readonly requestId: string
}

/** What a refused caller is told; doors dress it in their protocol's form. */
export interface RefusalAnswer {
  readonly status: number
  /** Stable code of DESIGN's answers: `invalid_token`, `insufficient_scope`, ... */
  readonly code: string
  readonly title: string
  /** One or two sentences that say what to do. */
  readonly detail: string
  /** RFC 9209 error type for Proxy-Status. */
  readonly proxyStatusError: string
  readonly retryAfterSeconds?: number
  /** Full names of the scopes that would have been enough (RFC 6750 `scope`). */
  readonly scope?: readonly string[]
}
