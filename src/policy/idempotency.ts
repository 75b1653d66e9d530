/**
 * Repeats of a creation (`Idempotency-Key`): claimed before it starts, completed after it.
 * Passes test/contract/idempotency-store.ts.
 *
 * The store sees digests and sealed text only. A token's text is kept nowhere in clear, so the
 * control plane seals the answer under a key that only the repeated request itself carries.
 */

export const IDEMPOTENCY_WINDOW_MS = 24 * 3_600_000

/** A claim that was not completed in this time belonged to a process that is gone. */
export const ABANDONED_CLAIM_MS = 60_000

export type Claim =
  | { readonly state: 'claimed' }
  | { readonly state: 'running'; readonly requestDigest: string }
  | { readonly state: 'complete'; readonly requestDigest: string; readonly sealedAnswer: string }

export interface ClaimEntry {
  /** Digest over operator, creation and the caller's key. */
  readonly key: string
  /** Tells a repeat from another request under the same key. */
  readonly requestDigest: string
  readonly at: number
}

export interface IdempotencyStore {
  /**
   * Claims a key, or returns what another request left under it, in one transaction. Claims are
   * forgotten after a day; one that was never completed may be claimed anew after a minute.
   */
  claim(entry: ClaimEntry): Promise<Claim>
  complete(key: string, sealedAnswer: string): Promise<void>
  /** The creation was refused or failed: the key is free again. A completed claim stays. */
  release(key: string): Promise<void>
}
