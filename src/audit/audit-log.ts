/** The audit's contract. storage/journal implements it; test/contract/audit-log.ts holds it to this. */

import type { Access } from '../policy/access.ts'
import type { Grant } from '../policy/grant.ts'
import type { Refusal } from '../policy/refusal.ts'
import type { Usage } from './usage.ts'

/** Query, form and JSON fields in the form that may be kept; see audit/parameters.ts. */
export type Parameters = Readonly<Record<string, unknown>>

export interface IntentEvent {
  readonly grant: Grant
  readonly access: Access
  readonly parameters: Parameters
  readonly catalogDigest: string
  readonly credential: { readonly name: string; readonly version: string } | undefined
  readonly userAgent?: string
  readonly marks?: readonly string[]
}

/** How a forwarded request ended. */
export interface OutcomeEvent {
  readonly requestId: string
  readonly result: 'answered' | 'failed' | 'cut' | 'abandoned' | 'unknown'
  /** upstream_timeout, terminated_by_revoke, client_gone, ... ; absent when answered. */
  readonly cause?: string
  readonly status?: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Milliseconds from the request's head to: credential leaves, first byte, end. */
  readonly durationsMs: {
    readonly admitted?: number
    readonly firstByte?: number
    readonly total: number
  }
  /** What was seen in a body only after the intent was written. */
  readonly marks?: readonly string[]
  /** What it cost, where the service tells it. */
  readonly usage?: Usage
  /** Of a body that streamed past: it was not known yet when the intent was written. */
  readonly parameters?: Parameters
}

/** A refusal of a recognised token: one record. */
export interface RefusalEvent {
  readonly requestId: string
  readonly at: number
  readonly grant: Grant
  readonly refusal: Refusal
  readonly source: string
  /** As much as was known when it was refused. */
  readonly access: Partial<Access>
  readonly parameters: Parameters
  readonly catalogDigest?: string
  readonly userAgent?: string
  /** `real_credential` and the like. */
  readonly marks: readonly string[]
}

/** A refusal before a token was recognised: counted per second, network and reason. */
export interface UnrecognisedEvent {
  readonly requestId: string
  readonly at: number
  readonly reason: Refusal['reason']
  readonly source: string
  readonly service: string | undefined
  /** First 8 hex characters of the token's digest, where there was something token-like. */
  readonly digestPrefix?: string
  readonly userAgent?: string
}

/** An operator changed the system or read the audit. */
export interface ChangeEvent {
  readonly at: number
  readonly requestId: string
  readonly operator: string
  /** `token.issue`, `secret.set`, `audit.query`, `service.start`, ... */
  readonly action: string
  /** What it was done to: a token id, an agent's name, a secret's name. */
  readonly target: string
  readonly result: 'done' | 'refused' | 'failed'
  /** The difference, never a secret value. */
  readonly details: Readonly<Record<string, unknown>>
  readonly source: string
}

export interface AuditStatus {
  readonly writable: boolean
  /** Why not, in one sentence. */
  readonly problem?: string
  readonly records: number
  /** On disk, all writers of this directory. */
  readonly bytes: number
  readonly quotaBytes?: number
}

/**
 * Append-only. There is no update and no delete. `intent`, `refusal` and `change` resolve once the
 * record is durable on disk and throw `audit_unavailable` within a second when it cannot be.
 */
export interface AuditLog {
  intent(event: IntentEvent): Promise<void>
  refusal(event: RefusalEvent): Promise<void>
  change(event: ChangeEvent): Promise<void>
  /** Never throws and never waits: an answer is not held up by how it ended. */
  outcome(event: OutcomeEvent): void
  count(event: UnrecognisedEvent): void
  status(): AuditStatus
  /** Writes everything that is buffered, then closes. */
  close(): Promise<void>
}
