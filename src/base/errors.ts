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
  | 'address_forbidden'
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_tls_invalid'
  | 'upstream_malformed'
  | 'listen_failed'
  | 'usage_invalid'
  | 'server_unreachable'
  | 'not_found'
  | 'refused'

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode

  constructor(code: FailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The Node error code (`ENOENT`, `EACCES`, ...) of a caught value, if it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
