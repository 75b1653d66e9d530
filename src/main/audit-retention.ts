/** Retention of one server: all writers of its state directory, those of its workers included. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { systemNow } from '../base/clock.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { newRequestId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import { startAuditRetention, type AuditRetention } from '../jobs/audit-retention.ts'
import { createClockTrust, type ClockNote, type ClockTrust } from '../jobs/clock-trust.ts'
import type { StateDirectory } from '../state-dir.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readCheckpoint } from '../storage/journal/checkpoint-note.ts'
import type { Journal } from '../storage/journal/journal.ts'
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
/** A checkpoint is due a second after a record. */
const SIGNED_MS = 10_000
const PAUSE_MS = 100

export function openAuditRetention(parts: AuditRetentionParts): AuditRetention {
  const { directory, settings, state, log } = parts
  const { journal } = state
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
    async removeDue(due) {
      await removeDue(due)
      await journal.measure()
    },
    async recordChange(action, { target, details }) {
      await journal.change({
        ...{ at: systemNow(), requestId: newRequestId(), operator: 'system', source: 'local' },
        ...{ action, target, details, result: 'done' },
      })
      await untilSigned(journal)
    },
    clock: openClock(directory.audit, state.lastAuditAt),
    ...{ log, now: systemNow },
  })
}

/** Who verifies believes signed records only, and must not find a segment gone without one. */
async function untilSigned(journal: Journal): Promise<void> {
  const { records } = journal.status()
  const deadline = performance.now() + SIGNED_MS
  while ((readCheckpoint(journal.checkpoint() ?? '')?.size ?? 0) < records) {
    if (performance.now() > deadline)
      throw new Failure('audit_unavailable', 'there is no signature over what is to be retired')
    await setTimeout(PAUSE_MS)
  }
}

/** Where there is no note yet, the last record stands for it. */
function openClock(audit: string, lastAuditAt: number | undefined): ClockTrust {
  const path = join(audit, 'clock')
  const last = lastAuditAt === undefined ? undefined : { seenAt: lastAuditAt, trustedFrom: 0 }
  return createClockTrust({
    noted: parseNote(readIfThere(path)) ?? last,
    note: ({ seenAt, trustedFrom }) => {
      replaceFile(path, `${seenAt} ${trustedFrom}\n`)
    },
    now: systemNow,
    monotonic: () => performance.now(),
  })
}

function parseNote(text: string): ClockNote | undefined {
  const [, seenAt, trustedFrom] = /^(\d{1,16}) (\d{1,16})\n$/.exec(text) ?? []
  if (seenAt === undefined) return undefined
  return { seenAt: Number(seenAt), trustedFrom: Number(trustedFrom) }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return ''
    throw error
  }
}
