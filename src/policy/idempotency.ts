/**
 * Repeats of a creation (`Idempotency-Key`). Passes test/contract/idempotency-store.ts.
 *
 * A token's text is shown once and kept nowhere, so a repeat cannot be answered with the first
 * answer. Instead the first request claims the key for the id it is about to create:
 *
 *   no claim yet              -> create, answer 201
 *   same key, same request    -> 409 `already_issued` with the id; if the text was lost, revoke
 *                                the id and issue again with a new key
 *   same key, other request   -> 422 `idempotency_key_reused` with the id
 *
 * A crash between claim and creation leaves an id that names nothing: the caller releases that
 * claim and makes its own. Claims are forgotten after 24 hours.
 */

export const IDEMPOTENCY_WINDOW_MS = 24 * 3_600_000

export interface Claim {
  /** Keys of different operators are different keys. */
  readonly operator: string
  /** As the caller sent it; kept as a digest. */
  readonly key: string
  /** Digest over route and body; tells a repeat from a reuse. */
  readonly requestDigest: string
  /** Id of what the claimer is about to create. */
  readonly createdId: string
  readonly at: number
}

export type PriorClaim = Pick<Claim, 'requestDigest' | 'createdId' | 'at'>

export interface IdempotencyStore {
  /** Undefined when the claim is ours now, else the one that came first within the window. */
  claim(claim: Claim): Promise<PriorClaim | undefined>
  /** Gives up a claim whose creation did not happen; nothing when another id holds the key. */
  release(claim: Pick<Claim, 'operator' | 'key' | 'createdId'>): Promise<void>
}
