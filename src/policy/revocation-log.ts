/**
 * The numbered list of revocations, and of holds, which can be lifted again. The number is given in the transaction that makes the
 * revocation true, so number order is commit order. Passes test/contract/revocation-log.ts.
 */

export type Revocation =
  | { readonly sequence: number; readonly at: number; readonly kind: 'grant'; readonly id: string }
  | {
      readonly sequence: number
      readonly at: number
      readonly kind: 'agent'
      readonly id: string
      /** Grants of generations below this are dead. */
      readonly generation: number
      /** A disabled agent also gets no new tokens; a plain revoke of all its tokens does not disable. */
      readonly disabled: boolean
      /** Tokens of this agent whose descendants belong to other agents; those die with them. */
      readonly alsoGrants?: readonly string[]
    }
  | HoldChange

/** A token with its descendants is held until it is resumed; of both the last one counts. */
export interface HoldChange {
  readonly sequence: number
  readonly at: number
  readonly kind: 'hold' | 'resume'
  readonly id: string
}

export interface RevocationLog {
  /** Undefined when no such grant; revoking twice is done and returns the first revocation. */
  revokeGrant(id: string, at: number): Promise<Revocation | undefined>
  /** Revokes all tokens of an agent; undefined when no such agent. */
  revokeAgent(name: string, at: number, disable: boolean): Promise<Revocation | undefined>
  /** Undefined when no such grant; holding what is held returns that hold. */
  holdGrant(id: string, at: number): Promise<Revocation | undefined>
  /** Undefined when it is not held; neither lifts a revocation nor the hold of an ancestor. */
  resumeGrant(id: string, at: number): Promise<Revocation | undefined>
  /** Entries above `sequence` in order; a starting process asks for all (0). */
  since(sequence: number): Promise<readonly Revocation[]>
  head(): Promise<number>
}
