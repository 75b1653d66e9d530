/** Where grants live. Every implementation passes test/contract/grant-store.ts. */

import type { Grant } from './grant.ts'

export interface StoredGrant extends Grant {
  readonly revokedAt?: number
  /** Epoch ms of the last admitted request, as far as it was written back. */
  readonly lastUsedAt?: number
  /** The address that a `first-use` binding is fixed to. */
  readonly boundAddress?: string
}

export interface GrantFilter {
  readonly agent?: string
  readonly service?: string
  /** Only grants that hold one of these scopes (full names). */
  readonly scopes?: readonly string[]
  /** Only descendants of these grants, of any generation; not the grants themselves. */
  readonly below?: readonly string[]
  /** Only grants that are neither expired nor revoked at this instant. */
  readonly liveAt?: number
  /** Only grants whose time ends after this instant, revoked or not. */
  readonly expiresAfter?: number
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor?: string
}

export interface GrantStore {
  /**
   * Finds by the token's digest (token/digest.ts). Returns revoked and expired grants too, so
   * that all bad tokens take one path. A row whose MAC does not verify counts as absent and is
   * logged. Throws `database_unavailable` on trouble.
   */
  findByDigest(digest: string): Promise<StoredGrant | undefined>
  findById(id: string): Promise<StoredGrant | undefined>
  /**
   * Stores a grant in one transaction that also checks that its agent exists, is enabled, and
   * still has the generation in the grant, and that no ancestor is revoked; false otherwise.
   */
  insert(grant: Grant, digest: string): Promise<boolean>
  /** Newest first; `cursor` continues a former page, `limit` is at most 1000. */
  list(filter: GrantFilter, page: { limit: number; cursor?: string }): Promise<Page<StoredGrant>>
  /** Fixes a first-use binding; returns the address that won, ours or an earlier one. */
  bindAddress(id: string, address: string): Promise<string>
  /** Best effort, batched by the caller. */
  touch(lastUsed: ReadonlyMap<string, number>): Promise<void>
  /** Reserves up to `count` of a grant's maxRequests and returns how many were left to give. */
  reserve(id: string, count: number): Promise<number>
}

/** What a data plane asks of it. */
export type GrantUse = Pick<
  GrantStore,
  'findByDigest' | 'findById' | 'bindAddress' | 'touch' | 'reserve'
>
