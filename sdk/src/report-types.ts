/** What the reports answer. Every instant ends in `At` (or is `since`, `until`) and is epoch milliseconds. */

export type Risk = 'read' | 'write' | 'destructive' | 'admin' | 'money' | 'secrets'

/** A list that may be cut, and how long it really is. */
export interface Listed<T> {
  readonly items: readonly T[]
  readonly total: number
}

export interface ReportWindow {
  /** Inclusive; 30 days before `until` when absent. */
  readonly since?: number
  /** Exclusive; now when absent. */
  readonly until?: number
}

/** What time a report is about, and what the audit cannot tell of it. */
export interface ReportCoverage {
  readonly since: number
  readonly until: number
  /** Time of the oldest record there is. */
  readonly historyFrom?: number
  readonly indexedTo?: number
  readonly isComplete: boolean
  /** One sentence each. */
  readonly gaps: readonly string[]
}

export interface ActivitySums {
  /** Requests that were let in. */
  readonly calls: number
  /** Of those: answered with a status of 400 and more. */
  readonly failed: number
  readonly refused: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Minor units by currency code. */
  readonly amounts: Readonly<Record<string, number>>
}

export interface ReportedToken {
  readonly id: string
  readonly agent: string
  readonly status: 'live' | 'expired' | 'revoked'
  readonly issuedBy: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly revokedAt?: number
  readonly lastUsedAt?: number
  /** Of the last request in the window. */
  readonly lastSource?: string
  readonly scopes: readonly string[]
  readonly worstRisk: Risk
  readonly bindings: {
    readonly cidr?: readonly string[]
    readonly dpop?: string
    readonly firstUse?: boolean
    readonly boundAddress?: string
  }
  readonly limits: { readonly maxRequests?: number; readonly ratePerSecond?: number }
  /** Ids of the ancestors, root first. */
  readonly chain: readonly string[]
  readonly calls: number
}

export type SubjectKind = 'agent' | 'token' | 'credential'

export interface BlastRadiusQuestion extends ReportWindow {
  /** The name of an agent or a credential, or the id of a token. */
  readonly subject: string
  /** Needed only where one name stands for more than one of them. */
  readonly kind?: SubjectKind
}

export interface ReportedAgent {
  readonly name: string
  readonly owner?: string
  readonly isDisabled: boolean
  readonly relation: 'subject' | 'holder' | 'below' | 'above' | 'shares'
  /** Live ones. */
  readonly tokens: number
  /** Dead ones that lived in the window, of the subject and below it. */
  readonly ended: number
  readonly scopes: readonly string[]
}

export interface ReportedScope {
  readonly scope: string
  readonly service: string
  readonly title: string
  readonly risk: Risk
  readonly credential?: string
  /** Live tokens that hold it. */
  readonly tokens: number
  /** Dead ones that held it in the window. */
  readonly ended: number
  readonly calls: number
  readonly lastAt?: number
  /** How many there are, and which of them nobody called. */
  readonly operations: number
  readonly unused: Listed<string>
}

export interface ReportedCredential {
  readonly name: string
  /** `vault:stripe`, `env:STRIPE_KEY`, `file:/run/secrets/stripe`. */
  readonly reference?: string
  readonly version?: number
  readonly sealedBy?: string
  readonly storedAt?: number
  readonly usedVersion?: string
  readonly services: readonly string[]
  readonly scopes: readonly string[]
  /** Agents with live tokens that lead to it. */
  readonly holders: readonly { readonly agent: string; readonly tokens: number }[]
  readonly isCut: boolean
}

export interface CalledOperation extends ActivitySums {
  readonly agent: string
  readonly service: string
  readonly operation: string
  readonly scopes: readonly string[]
  readonly risk: Risk
  readonly firstAt: number
  readonly lastAt: number
  readonly lastSource: string
}

export interface RefusedOperation {
  readonly agent: string
  readonly service: string
  readonly operation: string
  readonly scopes: readonly string[]
  readonly reason: string
  readonly count: number
  readonly lastAt: number
  readonly lastSource: string
}

export interface BlastRadius {
  readonly subject: { readonly kind: SubjectKind; readonly name: string }
  readonly at: number
  readonly coverage: ReportCoverage
  /** Absent when no token is live. */
  readonly worstRisk?: Risk
  readonly agents: readonly ReportedAgent[]
  readonly tokens: Listed<ReportedToken>
  readonly ancestors: readonly ReportedToken[]
  readonly descendants: Listed<ReportedToken>
  /** Of the subject and below it: they lived in the window, and do not any more. */
  readonly ended: Listed<ReportedToken>
  /** Worst first, as all that follows. */
  readonly scopes: readonly ReportedScope[]
  readonly credentials: readonly ReportedCredential[]
  readonly called: Listed<CalledOperation>
  readonly refused: Listed<RefusedOperation>
  /** The most effective first. */
  readonly containment: readonly { readonly command?: string; readonly effect: string }[]
}

export type UsageKey = 'agent' | 'service' | 'operation' | 'credential' | 'token'

export interface UsageQuestion extends ReportWindow {
  /** A list, as `agent,service`, which it is when absent. */
  readonly by?: string
  readonly agent?: string
}

export interface UsageRow extends ActivitySums {
  readonly keys: readonly string[]
  readonly lastAt: number
}

export interface UsageReport {
  readonly coverage: ReportCoverage
  readonly by: readonly UsageKey[]
  readonly rows: Listed<UsageRow>
  readonly total: ActivitySums
}

export interface StaleQuestion {
  /** Without a request for so long; 30 days when absent. */
  readonly unusedMs?: number
  /** Issued for longer than this; 7 days when absent. */
  readonly longLivedMs?: number
}

export interface StaleToken extends ReportedToken {
  readonly findings: readonly ('unused' | 'never_used' | 'only_refused' | 'long_lived')[]
  readonly command: string
}

export interface StaleAgent {
  readonly name: string
  readonly owner?: string
  readonly liveTokens: number
  readonly createdAt: number
  readonly lastUsedAt?: number
  readonly findings: readonly ('unused' | 'never_used' | 'ownerless')[]
  readonly command?: string
}

export interface StaleReport {
  readonly at: number
  readonly coverage: ReportCoverage
  readonly unusedMs: number
  readonly longLivedMs: number
  /** That were looked at. */
  readonly liveTokens: number
  readonly tokens: Listed<StaleToken>
  readonly agents: Listed<StaleAgent>
}

export interface TightenQuestion extends ReportWindow {
  readonly agent: string
}

export interface TightenReport {
  readonly agent: string
  readonly at: number
  readonly coverage: ReportCoverage
  readonly liveTokens: number
  readonly needed: readonly {
    readonly scope: string
    readonly risk: Risk
    readonly title: string
    readonly calls: number
    /** Only tokens below the agent's needed it. */
    readonly isForOthers: boolean
  }[]
  /** Held by live tokens and not needed. */
  readonly spare: readonly {
    readonly scope: string
    readonly risk: Risk
    readonly title: string
    readonly tokens: number
  }[]
  /** The requests of the window once more, against the needed scopes and the suggested binding. */
  readonly replay: {
    readonly requests: number
    readonly refused: number
    readonly refusals: readonly {
      readonly service: string
      readonly operation: string
      readonly reason: string
      readonly count: number
    }[]
    /** Requests that needed a scope which the catalogue has no more. */
    readonly unknown: number
  }
  /** What the needed scopes allow and nobody did. */
  readonly surplus: Listed<{
    readonly scope: string
    readonly risk: Risk
    readonly operation: string
  }>
  readonly suggestion: {
    readonly ttl?: string
    readonly bind?: readonly string[]
    readonly rate?: string
    readonly dpop?: string
    readonly firstUse?: boolean
    readonly maxRequests?: number
    readonly grounds: readonly string[]
  }
  /** The line that issues such a token, then those that revoke the wider ones. */
  readonly commands: readonly string[]
}
