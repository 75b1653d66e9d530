/** What the server and the thread of the audit's index ask of each other. */

import type { AuditIndex } from '../audit/audit-index.ts'
import type { LogFields } from '../base/log.ts'
import type { KeyedFinding } from '../insight/alert.ts'
import type { WatchSettings } from '../insight/anomaly/create-watch.ts'

/** What the thread is given. */
export interface AuditThreadOrders {
  /** The journal's directory. */
  readonly directory: string
  /** The index's file. */
  readonly path: string
  /** What its rules go by. */
  readonly watch: WatchSettings
}

/** Answered by the thread. */
export interface AuditThreadCalls extends AuditIndex {
  close(): Promise<void>
}

/** Answered by the server. */
export interface AuditServerCalls {
  log(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: LogFields): Promise<void>
  /** Resolves once somebody else keeps them. */
  found(findings: readonly KeyedFinding[]): Promise<void>
}
