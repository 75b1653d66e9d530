/** Reading the journal back: the first, unindexed form of `audit query`. */

/** One journal line, parsed. Field names are the journal's (docs/formats/audit.md). */
export type AuditRecord = Readonly<Record<string, unknown>>

export interface AuditQuery {
  readonly agent?: string
  readonly service?: string
  readonly decision?: 'allow' | 'deny'
  /** Epoch ms, inclusive. */
  readonly since?: number
  /** Epoch ms, exclusive. */
  readonly until?: number
  readonly limit: number
  readonly cursor?: string
}

export interface AuditReader {
  /** Oldest first; an `intent` and its `outcome` come as one item with both parts. */
  query(
    query: AuditQuery,
  ): Promise<{ readonly items: readonly AuditRecord[]; readonly nextCursor?: string }>
}
