/** Reading the audit: what may be asked, and what comes back. */

/** One journal line, parsed. Field names are the journal's (docs/formats/audit.md). */
export type AuditRecord = Readonly<Record<string, unknown>>

/** Which records; absent members ask for all. */
export interface AuditFilter {
  readonly agent?: string
  /** With `agent` or `tokenId`: also what tokens below theirs did. */
  readonly withDescendants?: boolean
  readonly operator?: string
  readonly sessionId?: string
  readonly tokenId?: string
  readonly requestId?: string
  readonly service?: string
  /** A full name, `stripe:refund`. */
  readonly scope?: string
  readonly decision?: 'allow' | 'deny'
  readonly reason?: string
  /** The upstream's: `404`, or a class as `5xx`. */
  readonly status?: string
  /** The beginning of a path. */
  readonly path?: string
  /** The source address, or a network in CIDR form. */
  readonly source?: string
  /** `token.issue`, `secret.`: an action, or with a dot at its end all below it. */
  readonly action?: string
  /** Text that occurs anywhere in the record, whatever its case. */
  readonly text?: string
  /** Epoch ms, inclusive. */
  readonly since?: number
  /** Epoch ms, exclusive. */
  readonly until?: number
}

export interface AuditQuery extends AuditFilter {
  /** `oldest` unless given. */
  readonly order?: 'oldest' | 'newest'
  readonly limit: number
  readonly cursor?: string
}

export interface AuditPage {
  readonly items: readonly AuditRecord[]
  /** Absent at the end. */
  readonly nextCursor?: string
  /** Where to go on, also at the end: there may be more later. */
  readonly endCursor: string
}

export interface AuditReader {
  /** An `intent` and its `outcome` come as one item with both parts. */
  query(query: AuditQuery): Promise<AuditPage>
}
