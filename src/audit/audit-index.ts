/** The audit's index: derived from the journal, and the only thing that may ever be rebuilt. */

import type { AuditReader } from './audit-reader.ts'

/** Approximate, as the service told it; see docs/formats/audit.md. Absent: it did not. */
export interface UsageSums {
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** Minor units (cents) by lower-case ISO 4217 code. */
  readonly amounts?: Readonly<Record<string, number>>
}

export interface ActivityQuery {
  /** Epoch ms, inclusive. */
  readonly since?: number
  /** Epoch ms, exclusive. */
  readonly until?: number
  readonly agents?: readonly string[]
  readonly tokenIds?: readonly string[]
  /** Name of a credential. */
  readonly credential?: string
}

/** Requests that were alike in every field but the counted ones. */
export interface Activity {
  readonly agent: string
  readonly tokenId: string
  readonly service: string | undefined
  /** That the request needed, sorted. */
  readonly scopes: readonly string[]
  readonly method: string | undefined
  /** The pattern of the service's rule. */
  readonly rule: string | undefined
  readonly decision: 'allow' | 'deny'
  /** Of a refusal. */
  readonly reason: string | undefined
  readonly credential: { readonly name: string; readonly version: string } | undefined
  readonly count: number
  /** Answers with a status of 400 and more. */
  readonly failed: number
  /** Epoch ms. */
  readonly firstAt: number
  readonly lastAt: number
  /** The source address of the last one. */
  readonly lastSource: string
  readonly requestBytes: number
  readonly responseBytes: number
  readonly usage: UsageSums
}

export const COUNT_KEYS = [
  'agent',
  'tokenId',
  'service',
  'operation',
  'scopes',
  'decision',
  'reason',
  'credential',
  'day',
] as const
export type CountKey = (typeof COUNT_KEYS)[number]

/** Which requests to count, and what sets them apart. */
export interface CountQuery {
  readonly by: readonly CountKey[]
  readonly agent?: string
  readonly tokenId?: string
  readonly service?: string
  readonly scope?: string
  readonly decision?: 'allow' | 'deny'
  readonly reason?: string
  /** Epoch ms, inclusive. */
  readonly since?: number
  /** Epoch ms, exclusive. */
  readonly until?: number
}

export interface RequestCount {
  /** In the order of `by`; null where a request has none. */
  readonly key: readonly (string | null)[]
  readonly count: number
  readonly failed: number
  readonly firstAt: number
  readonly lastAt: number
}

/** Records that are not in the journal, by their numbers. */
export interface MissingRecords {
  readonly writer: string
  readonly first: number
  readonly last: number
  /** Time of the last record before them that is there; absent: they are the first. */
  readonly after?: number
  /** Time of the next one that is there. */
  readonly before?: number
}

export interface IndexStatus {
  /** Records in it. */
  readonly records: number
  /** Time of the newest one, epoch ms. */
  readonly newestAt: number | undefined
  /** Time of the oldest one. */
  readonly oldestAt?: number
  /** What is older was let go, or some of it; absent: nothing was yet. */
  readonly retiredBefore?: number
  /** Without a record that retention removed them; absent: none. At most a few of them. */
  readonly missing?: readonly MissingRecords[]
  /** Bytes of the journal that it has not taken in yet. */
  readonly behindBytes: number
  readonly isRebuilding: boolean
  /** Why it stands still, in one sentence. */
  readonly problem?: string
}

export interface AuditIndex extends AuditReader {
  activity(query: ActivityQuery): Promise<readonly Activity[]>
  /** The most frequent first. */
  counts(query: CountQuery): Promise<readonly RequestCount[]>
  status(): Promise<IndexStatus>
  /** Begins anew from the journal; resolves once begun. Readers see what is there so far. */
  rebuild(): Promise<void>
}
