/** Anomalies: what one record, seen against what an agent usually does, gives reason to tell. */

import type { AuditRecord } from '../audit/audit-reader.ts'

export type AnomalyRule =
  | 'new_operation'
  | 'new_source'
  | 'new_user_agent'
  | 'unusual_rate'
  | 'refusal_burst'
  | 'scope_probing'
  | 'unusual_hour'
  | 'dead_token'
  | 'two_places'
  | 'exfiltration'
  | 'credential_echo'
  | 'large_payload'
  | 'issuing_burst'

export interface Finding {
  readonly rule: AnomalyRule
  /** Epoch ms: the record's time, never the clock's. */
  readonly at: number
  /** Undefined where no token was recognised. */
  readonly agent: string | undefined
  readonly tokenId: string | undefined
  readonly requestId: string | undefined
  /** How sure it is, above 0 and at most 1. */
  readonly score: number
  /** For an operator to read: facts and their usual values, nothing that a record may not hold. */
  readonly reason: string
}

/** Learns and judges, one record after the other in the order of time. Never throws on a record. */
export interface Watch {
  observe(record: AuditRecord): readonly Finding[]
  /** What was learnt since the last call, by subject (an agent, an operator), as JSON values. */
  takeLearnt(): ReadonlyMap<string, unknown>
}
