/**
 * The admission gate: what is revoked, what is in flight, and whether we know.
 * Everything here is synchronous, because it is asked after the last await.
 */

import type { Grant } from './grant.ts'
import type { Revocation } from './revocation-log.ts'

export type GateState = 'open' | 'revoked' | 'agent_disabled' | 'suspended' | 'stale'

/** One admitted request. */
export interface LiveAdmission {
  /** A revocation or a hold covers the grant. */
  readonly isCut: boolean
  /** One listener for that, called at once if it happened before. */
  whenCut(listener: () => void): void
  /** Idempotent. After it the admission is no longer counted or cut. */
  close(): void
}

export interface Gate {
  /** Judged from the grant, all of its ancestors and its agent's generation. */
  state(grant: Grant): GateState
  /** Epoch ms of the revocation or hold that made it so; undefined for what is neither. */
  closedAt(grant: Grant): number | undefined
  /** Registers a request that is about to be forwarded. */
  open(grant: Grant): LiveAdmission
  /** Applies what was committed: cuts what it covers; returns how many were cut. */
  apply(revocation: Revocation): number
  /** The highest revocation number applied. */
  readonly sequence: number
  readonly liveCount: number
}

/** Every gate of this server as the control plane sees them: one, or one for each worker. */
export interface Gates {
  /** Judged as the gates do. */
  state(grant: Grant): GateState
  /** Answers when the revocation holds at each of them, with how many requests were cut. */
  apply(revocation: Revocation): Promise<number>
  /** The highest revocation number applied. */
  readonly sequence: number
  countLive(): Promise<number>
}
