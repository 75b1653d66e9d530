/** A grant: what one phantom token permits, to whom, until when. */

/** Where a token may be used from. All that are present must hold. */
export interface Bindings {
  /** CIDR ranges; the source address must be inside one of them. */
  readonly cidr?: readonly string[]
  /** RFC 9449: thumbprint (RFC 7638) of the key whose proof each request must carry. */
  readonly dpop?: string
  /** The first non-loopback source address that used the token, once there was one. */
  readonly firstUse?: boolean
}

export interface Limits {
  /** Admitted requests over the token's life. */
  readonly maxRequests?: number
  /** Sustained requests per second, with a burst of the same size. */
  readonly ratePerSecond?: number
}

export interface Grant {
  /** Public id, `tok_...`. */
  readonly id: string
  /** The agent's name: unique in an environment. */
  readonly agent: string
  /** The agent's generation when the token was issued; `agent disable` moves the agent to the next. */
  readonly agentGeneration: number
  readonly sessionId?: string
  /** Full names, `stripe:read`. */
  readonly scopes: ReadonlySet<string>
  /** Service ids that occur in `scopes`, sorted. */
  readonly services: readonly string[]
  /** Ids of the ancestors, root first; empty for a token that an operator issued. */
  readonly chain: readonly string[]
  /** Operator's name, or `mt:<id>` of the management token. */
  readonly issuedBy: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly bindings: Bindings
  readonly limits: Limits
}
