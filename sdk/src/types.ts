/** The control plane's JSON. Every instant ends in `At` and is epoch milliseconds. */

export interface Page<T> {
  readonly items: readonly T[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

export interface IssueRequest {
  readonly agent: string
  /** Full names; one string may list several, separated by commas. */
  readonly scopes: string | readonly string[]
  /** `30m`, `4h`; the environment's default when absent. */
  readonly ttl?: string
  readonly format?: 'opaque' | 'jwt'
  /** `cidr=10.0.0.0/8`, `dpop=<jkt>`, `first-use`. */
  readonly bind?: readonly string[]
  readonly maxRequests?: number
  /** `10/s`. */
  readonly rate?: string
  /** Who answers for the agent; kept from the first token on. */
  readonly owner?: string
  /** A repeat with the same key within a day gets the same answer, and makes no second token. */
  readonly idempotencyKey?: string
}

export interface IssuedToken {
  /** Shown once and stored nowhere. */
  readonly token: string
  readonly id: string
  readonly agent: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
  /** For SDKs that sign their requests (AWS), where a service of the token is for those. */
  readonly keyPair?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** `suspended`: refused like a revoked one until an admin resumes it. */
export type TokenStatus = 'live' | 'expired' | 'suspended' | 'revoked'

export interface TokenView {
  readonly id: string
  readonly agent: string
  readonly status: TokenStatus
  readonly scopes: readonly string[]
  readonly services: readonly string[]
  readonly issuedBy: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly revokedAt?: number
  readonly lastUsedAt?: number
  readonly sessionId?: string
  /** Ids of the ancestors, root first. */
  readonly chain: readonly string[]
  readonly bindings: {
    readonly cidr?: readonly string[]
    readonly dpop?: string
    readonly firstUse?: boolean
    /** The address that `first-use` is fixed to. */
    readonly boundAddress?: string
  }
  readonly limits: { readonly maxRequests?: number; readonly ratePerSecond?: number }
}

export interface TokenFilter {
  readonly agent?: string
  readonly service?: string
  /** Expired and revoked tokens too. */
  readonly all?: boolean
  readonly cursor?: string
  readonly limit?: number
}

export type RevokeTarget =
  { readonly token: string } | { readonly id: string } | { readonly agent: string }

export interface Revoked {
  /** How many tokens this covers. */
  readonly revoked: number
  readonly sequence: number
  readonly replicas: { readonly confirmed: number; readonly total: number }
  /** Requests in flight that were cut. */
  readonly cut: number
  /** At most 1000 of them. */
  readonly tokens: readonly {
    readonly id: string
    readonly agent: string
    readonly services: readonly string[]
  }[]
}

export interface AgentView {
  readonly id: string
  readonly name: string
  readonly owner?: string
  readonly disabled: boolean
  readonly disabledAt?: number
  readonly createdAt: number
  /** What disabling revoked; only in the answer to that call. */
  readonly revocation?: Revoked
}

export type OperatorRole = 'admin' | 'issuer' | 'auditor'

export interface OperatorView {
  readonly id: string
  readonly name: string
  readonly role: OperatorRole
  readonly createdAt: number
}

export interface AddedOperator extends OperatorView {
  /** Shown once and stored nowhere. */
  readonly key: string
}

export interface SecretView {
  readonly name: string
  readonly version: number
  readonly sealedBy: string
  readonly storedAt: number
}

/** What one process of the server knows of a secret; never a value. */
export interface SecretSource {
  readonly name: string
  /** The reference, as `vault:stripe`. */
  readonly source: string
  /** `local`, or the name of a worker; `tokens` for the one place where tokens are minted from it. */
  readonly process: string
  /** Absent while nobody has needed it. */
  readonly version?: string
  readonly fetchedAt?: number
  readonly refreshAt?: number
  readonly expiresAt?: number
  readonly lastError?: { readonly at: number; readonly problem: string }
  /** Requests under way by the version that they were given: `v3`, or `v3.token` for what was minted. */
  readonly inFlight?: readonly { readonly version: string; readonly requests: number }[]
}

export interface SecretVersions {
  readonly name: string
  /** 0 where there is none. */
  readonly version: number
  /** Deleted ones included: what is sealed next must be above it. */
  readonly highestVersion: number
}

export interface ScopeView {
  readonly id: string
  readonly risk: string
  readonly title: string
  readonly effects: readonly string[]
}

export interface ServiceView {
  readonly id: string
  readonly name: string
  readonly category: string
  readonly docs?: string
  readonly support: { readonly ready: boolean; readonly note?: string; readonly why?: string }
  /** Every secret that the service's scopes need, its own first. */
  readonly credentials: readonly { readonly name: string; readonly configured: boolean }[]
  /** By short name. */
  readonly scopes: Readonly<Record<string, ScopeView>>
}

export interface ServiceDetail extends ServiceView {
  /** Hex SHA-256 over the effective definition. */
  readonly digest: string
  readonly definition: Readonly<Record<string, unknown>>
}

/** What requests can be counted and records be narrowed by. */
export interface RequestFilter {
  readonly agent?: string
  readonly tokenId?: string
  readonly service?: string
  /** A full name, `stripe:refund`. */
  readonly scope?: string
  readonly decision?: 'allow' | 'deny'
  /** Of a refusal, `scope_missing`. */
  readonly reason?: string
  /** Epoch milliseconds, inclusive. */
  readonly since?: number
  /** Epoch milliseconds, exclusive. */
  readonly until?: number
}

export interface AuditFilter extends RequestFilter {
  /** With `agent` or `tokenId`: also what tokens below theirs did. */
  readonly withDescendants?: boolean
  readonly operator?: string
  readonly sessionId?: string
  readonly requestId?: string
  /** The upstream's: `404`, or a class as `5xx`. */
  readonly status?: string
  /** The beginning of a path. */
  readonly path?: string
  /** An address, or a network as `10.0.0.0/8`. */
  readonly source?: string
  /** `token.issue`; with a dot at its end (`token.`) all below it. */
  readonly action?: string
  /** Occurs anywhere in the record, whatever its case. */
  readonly text?: string
  /** `oldest` unless given. */
  readonly order?: 'oldest' | 'newest'
  /** What the record of this reading says. `tail` always gives a `nextCursor`, to ask again with. */
  readonly purpose?: 'query' | 'export' | 'tail'
  readonly cursor?: string
  readonly limit?: number
}

/** Records that are not in the journal any more, by their numbers. */
export interface MissingRecords {
  readonly writer: string
  readonly first: number
  readonly last: number
  /** Times of what is left around them. */
  readonly after?: number
  readonly before?: number
}

/** Records come from an index, which may be behind the journal for a moment, or while it is rebuilt. */
export interface AuditIndexState {
  readonly newestAt?: number
  readonly oldestAt?: number
  /** Of what is older, retention removed something, or everything. Absent: it removed nothing yet. */
  readonly retiredBefore?: number
  /** Without a record that retention removed them; absent: none. */
  readonly missing?: readonly MissingRecords[]
  /** Bytes of the journal that are not in it yet. */
  readonly behindBytes: number
  readonly isRebuilding: boolean
  /** Why it stands still. */
  readonly problem?: string
}

export interface AuditPage extends Page<AuditRecord> {
  readonly index: AuditIndexState
}

export type CountKey =
  | 'agent'
  | 'tokenId'
  | 'service'
  | 'operation'
  | 'scopes'
  | 'decision'
  | 'reason'
  | 'credential'
  | 'day'

export interface AuditCounts {
  /** The most frequent first. */
  readonly items: readonly {
    /** In the order of what was counted by; null where a request has none. */
    readonly key: readonly (string | null)[]
    readonly count: number
    /** Answered with a status of 400 and more. */
    readonly failed: number
    readonly firstAt: number
    readonly lastAt: number
  }[]
  readonly index: AuditIndexState
}

export interface AuditStatus {
  readonly journal: {
    readonly writable: boolean
    readonly problem?: string
    readonly records: number
    readonly bytes: number
    readonly quotaBytes?: number
  }
  readonly index: AuditIndexState & { readonly records: number }
}

export interface AuditCheckpoints {
  /** The newest of each writer: C2SP tlog-checkpoints, signed notes. */
  readonly checkpoints: readonly { readonly writer: string; readonly note: string }[]
  /** What verifies them, in C2SP form. */
  readonly publicKey: string
}

export interface AuditGrowth {
  readonly writer: string
  /** Records of the older checkpoint. */
  readonly from: number
  readonly to: number
}

export interface AuditConsistency {
  /** RFC 6962, 2.1.2: hashes in base64. */
  readonly path: readonly string[]
}

export type AuditRecord = Readonly<Record<string, unknown>>

/** Its files were read again, and what they say is in force. */
export interface Reloaded {
  /** Settings that are other ones than before. */
  readonly changed: number
  readonly catalogDigest: string
}

export interface ReplicaView {
  readonly name: string
  readonly state: 'live'
  /** The highest revocation it has applied. */
  readonly sequence: number
  readonly inFlight: number
  readonly startedAt: number
}

export interface Live {
  readonly name: string
  readonly status: 'live'
  /** The following only to callers on the same machine. */
  readonly version?: string
  readonly environment?: string
  readonly pid?: number
  readonly startedAt?: number
}

export interface Ready {
  readonly ready: boolean
  /** Each part by name: whether it works. */
  readonly checks: Readonly<Record<string, boolean>>
}
