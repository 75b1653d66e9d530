/** What a blast radius is worked out from; api/reports gathers it. */

import type { Activity } from '../audit/audit-index.ts'
import type { Agent } from '../policy/agent-store.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import type { Coverage } from './coverage.ts'
import type { Listed } from './listed.ts'
import type { ScopeBook } from './scope-book.ts'

/** What is known of a secret without opening it. */
export interface CredentialFacts {
  readonly name: string
  /** `vault:stripe`, `env:STRIPE_KEY`, `file:/run/secrets/stripe`; absent: nothing is configured. */
  readonly reference?: string
  readonly sealed?: {
    readonly version: number
    readonly sealedBy: string
    readonly storedAt: number
  }
  /** Live tokens that lead to it, by agent, the subject's own included. */
  readonly holders: ReadonlyMap<string, number>
  /** There are more tokens than were counted. */
  readonly isCut: boolean
}

export interface Subject {
  readonly kind: 'agent' | 'token' | 'credential'
  readonly name: string
}

export interface BlastRadiusFacts {
  readonly subject: Subject
  readonly now: number
  readonly coverage: Coverage
  readonly book: ScopeBook
  /** The agent's live tokens; the one token, alive or not; live tokens that lead to the credential. */
  readonly tokens: Listed<StoredGrant>
  readonly ancestors: readonly StoredGrant[]
  /** Live ones. */
  readonly descendants: Listed<StoredGrant>
  /** Dead by now, of the subject and below it, and perhaps alive at some time of the window. */
  readonly ended: Listed<StoredGrant>
  /** Every agent that occurs in the other facts. */
  readonly agents: ReadonlyMap<string, Agent>
  readonly credentials: readonly CredentialFacts[]
  /** Of the subject and of all that is or was below it. */
  readonly activities: readonly Activity[]
}
