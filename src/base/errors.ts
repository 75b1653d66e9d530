/** Failures nobody planned for at the call site. Each has a stable code; none carries a secret. */

export type FailureCode =
  | 'config_invalid'
  | 'config_missing'
  | 'catalog_invalid'
  | 'state_unsafe'
  | 'state_locked'
  | 'key_missing'
  | 'key_invalid'
  | 'database_unavailable'
  | 'secret_missing'
  | 'secret_invalid'
  | 'secret_store_unavailable'
  | 'envelope_invalid'
  | 'audit_unavailable'
  | 'audit_unreadable'
  | 'audit_tampered'
  | 'address_forbidden'
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_tls_invalid'
  | 'upstream_malformed'
  | 'upstream_undecodable'
  | 'upstream_overloaded'
  | 'upstream_circuit_open'
  | 'request_body_failed'
  | 'request_unwritable'
  | 'listen_failed'
  | 'usage_invalid'
  | 'server_unreachable'
  | 'not_found'
  | 'refused'

export interface FailureOptions {
  readonly cause?: unknown
  readonly retryAfterSeconds?: number
}

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  /** When trying again may help, where that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: FailureCode, message: string, options?: FailureOptions) {
    super(message, options)
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }
}

/** The Node error code (`ENOENT`, `EACCES`, ...) of a caught value, if it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
