/**
 * The numbered list of revocations. The number is given in the transaction that makes the
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

export interface RevocationLog {
  /** Undefined when no such grant; revoking twice is done and returns the first revocation. */
  revokeGrant(id: string, at: number): Promise<Revocation | undefined>
  /** Revokes all tokens of an agent; undefined when no such agent. */
  revokeAgent(name: string, at: number, disable: boolean): Promise<Revocation | undefined>
  /** Entries above `sequence` in order; a starting process asks for all (0). */
  since(sequence: number): Promise<readonly Revocation[]>
  head(): Promise<number>
}
