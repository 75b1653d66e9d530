/** What a call can end with besides an answer: the server said no, or nobody answered. */

/** One member of a problem's `errors`: which field of the request is wrong, and why. */
export interface FieldProblem {
  readonly field: string
  readonly message: string
}

/** An RFC 9457 problem as the control plane writes it. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly requestId: string
  /** Present where fields of the request were wrong. */
  readonly errors?: readonly FieldProblem[]
  /** Valid names close to the one that was not known. */
  readonly nearest?: readonly string[]
  readonly [member: string]: unknown
}

/** The control plane answered, and the answer is no. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** Stable: `invalid_token`, `scope_unknown`, `credential_not_configured`, ... */
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly requestId: string
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.detail = problem.detail
    this.requestId = problem.requestId
    this.problem = problem
  }
}

/** `network`: nobody listens, or TLS failed. `answer`: something answered that is no control plane. */
export type UnreachableReason = 'network' | 'timeout' | 'answer'

/** There was no answer that can be trusted to come from a control plane. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly reason: UnreachableReason
  /** Scheme, host and port that was called. */
  readonly origin: string

  constructor(reason: UnreachableReason, origin: string, why: string) {
    super(`cannot reach ${origin}: ${why}`)
    this.reason = reason
    this.origin = origin
  }
}
