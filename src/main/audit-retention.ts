/** Retention of one server: all writers of its state directory, those of its workers included. */

import { performance } from 'node:perf_hooks'
import { systemNow } from '../base/clock.ts'
import { newRequestId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import { startAuditRetention, type AuditRetention } from '../jobs/audit-retention.ts'
import type { StateDirectory } from '../state-dir.ts'
import { findDue, removeDue } from '../storage/journal/retire.ts'
import type { LiveSettings } from './settings.ts'
import type { OpenState } from './state.ts'

export interface AuditRetentionParts {
  readonly directory: StateDirectory
  readonly settings: LiveSettings
  readonly state: Pick<OpenState, 'journal' | 'lastAuditAt'>
  readonly log: Log
}

/** A run holds up neither requests nor a stop for long; the next one goes on. */
const MOST_SEGMENTS = 32

export function openAuditRetention(parts: AuditRetentionParts): AuditRetention {
  const { directory, settings, state, log } = parts
  return startAuditRetention({
    retentionMs: () => {
      const { retentionSeconds } = settings.current.config.audit
      return retentionSeconds === undefined ? undefined : retentionSeconds * 1000
    },
    findDue: (before) =>
      findDue({
        ...{ directory: directory.audit, before, mostSegments: MOST_SEGMENTS },
        onKept: (kept) => {
          log.error('audit_segment_kept', { ...kept })
        },
      }),
    removeDue,
    recordChange: (action, { target, details }) =>
      state.journal.change({
        ...{ at: systemNow(), requestId: newRequestId(), operator: 'system', source: 'local' },
        ...{ action, target, details, result: 'done' },
      }),
    lastRecordAt: state.lastAuditAt,
    ...{ log, now: systemNow, monotonic: () => performance.now() },
  })
}
