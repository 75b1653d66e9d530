/** The audit log on disk: events become lines, lines go to segments in shared commits. */

import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  AuditLog,
  AuditStatus,
  ChangeEvent,
  IntentEvent,
  OutcomeEvent,
  RefusalEvent,
  UnrecognisedEvent,
} from '../../audit/audit-log.ts'
import { createCounter, type Counter } from '../../audit/counter.ts'
import { createLineFormat, type LineFormat } from '../../audit/record.ts'
import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { nodeFiles, type JournalFiles } from './files.ts'
import { GroupCommit } from './group-commit.ts'
import { Quota, type QuotaUse } from './quota.ts'
import { reasonOf } from './reason.ts'
import { recoverSegments, type Found } from './recovery.ts'
import { SegmentWriter, type Line } from './segment-writer.ts'
import { isWriterName } from './segment.ts'

export interface Journal extends AuditLog {
  /** Resolves once everything that was given so far is on disk. */
  flush(): Promise<void>
}

export interface JournalParts {
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly environment: string
  /** Names this process's part of the audit, for good: the replica. */
  readonly writer: string
  /** Key of the digests that stand for values. */
  readonly hashKey: KeyObject
  readonly log: Log
  readonly now: Now
  /** `redact.path` of a service; none unless given. */
  readonly pathPatterns?: (service: string) => readonly string[]
  /** A segment that is larger is left for a new one. */
  readonly segmentBytes?: number
  /** Unlimited unless given. */
  readonly quotaBytes?: number
  /** Whether other writers use up the same quota meanwhile. */
  readonly isQuotaShared?: boolean
  readonly files?: JournalFiles
}

const SEGMENT_BYTES = 32 * 1024 * 1024
const COUNT_INTERVAL_MS = 1000
const CLOSE_TIMEOUT_MS = 500

/**
 * Opens a writer's journal and makes it sound: cuts what a crash tore, closes what it left open.
 * Throws `audit_unavailable` when the directory cannot be written.
 */
export async function openJournal(parts: JournalParts): Promise<Journal> {
  if (!isWriterName(parts.writer))
    throw new Failure('config_invalid', 'the writer has an unusable name')
  try {
    return await openSound(parts)
  } catch (error) {
    const message = `the audit cannot be opened: ${reasonOf(error)}`
    throw new Failure('audit_unavailable', message, { cause: error })
  }
}

async function openSound(parts: JournalParts): Promise<Journal> {
  const { directory, environment, writer, hashKey: key, now, files = nodeFiles } = parts
  const { pathPatterns = () => [], segmentBytes = SEGMENT_BYTES } = parts
  const own = join(directory, writer)
  await files.makeDirectory(own)
  await files.syncDirectory(directory)
  const found = await recoverSegments(own, files)
  const format = createLineFormat({ writer, environment, key, pathPatterns })
  const segments = await SegmentWriter.create({
    directory: own,
    files,
    format,
    found,
    now,
    segmentBytes,
  })
  try {
    const usedBytes = await files.measure(directory)
    const journal = new SegmentJournal({ parts, files, format, segments, usedBytes })
    await journal.closeOpen(found)
    return journal
  } catch (error) {
    await segments.close()
    throw error
  }
}

interface OpenedParts {
  readonly parts: JournalParts
  readonly files: JournalFiles
  readonly format: LineFormat
  readonly segments: SegmentWriter
  readonly usedBytes: number
}

class SegmentJournal implements Journal {
  readonly #parts: JournalParts
  readonly #format: LineFormat
  readonly #segments: SegmentWriter
  readonly #commits: GroupCommit
  readonly #quota: Quota
  readonly #counter: Counter = createCounter()
  #countTimer: NodeJS.Timeout | undefined

  constructor({ parts, files, format, segments, usedBytes }: OpenedParts) {
    const { log } = parts
    this.#parts = parts
    this.#format = format
    this.#segments = segments
    this.#quota = new Quota({
      limitBytes: parts.quotaBytes,
      usedBytes,
      isShared: parts.isQuotaShared ?? false,
      measure: () => files.measure(parts.directory),
      onHigh: (used) => {
        log.warn('audit_quota_high', { usedBytes: used, quotaBytes: parts.quotaBytes })
      },
    })
    this.#commits = new GroupCommit({
      append: async (commit) => {
        this.#quota.grow(await segments.append(commit))
      },
      repair: async () => {
        const before = segments.lost
        await segments.repair()
        if (segments.lost !== before) log.error('audit_segment_lost', { segment: segments.lost })
      },
      describe: (interruption) => this.#recovery('unwritable', { ...interruption }),
      onProblem: (problem) => {
        log.error('audit_unwritable', { problem })
      },
      onRecovered: ({ problem, durationMs, refused, dropped }) => {
        log.info('audit_writable_again', { problem, durationMs, refused, dropped })
      },
    })
  }

  /** Says in the log what was found. It may take as long as it takes: nobody waits for it yet. */
  async closeOpen({ open, cuts }: Found): Promise<void> {
    if (open.length === 0 && cuts.length === 0) return
    this.#parts.log.warn('audit_recovered', { open: open.length, cuts: cuts.length })
    const lines = open.map((requestId) => this.#outcome(unknownOutcome(requestId)))
    lines.push(this.#recovery('start', { closed: open.length, cuts }))
    this.#quota.grow(await this.#segments.append({ lines, isWanted: () => true, isBusy: false }))
  }

  async intent(event: IntentEvent): Promise<void> {
    this.#claim('essential')
    const text = this.#format.intent(event, this.#parts.now())
    return this.#commits.add({ text, opens: event.access.requestId })
  }

  async refusal(event: RefusalEvent): Promise<void> {
    this.#claim('other')
    return this.#commits.add({ text: this.#format.refusal(event, this.#parts.now()) })
  }

  async change(event: ChangeEvent): Promise<void> {
    this.#claim('essential')
    return this.#commits.add({ text: this.#format.change(event, this.#parts.now()) })
  }

  // Always written: the room for it was claimed with its intent.
  outcome(event: OutcomeEvent): void {
    this.#commits.addLater(this.#outcome(event))
  }

  count(event: UnrecognisedEvent): void {
    this.#counter.add(event)
    this.#countTimer ??= setTimeout(() => {
      this.#drainCounts()
    }, COUNT_INTERVAL_MS)
  }

  status(): AuditStatus {
    const problem = this.#commits.problem ?? (this.#quota.allows('essential') ? undefined : FULL)
    const { quotaBytes } = this.#parts
    return {
      writable: problem === undefined,
      ...(problem !== undefined && { problem }),
      records: this.#segments.records,
      bytes: this.#quota.usedBytes,
      ...(quotaBytes !== undefined && { quotaBytes }),
    }
  }

  flush(): Promise<void> {
    this.#drainCounts()
    return this.#commits.flush()
  }

  async close(): Promise<void> {
    this.#drainCounts()
    await this.#commits.close()
    // A file whose write hangs cannot be closed, and nobody gains by waiting for it.
    await Promise.race([this.#segments.close(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }

  #claim(use: QuotaUse): void {
    if (!this.#quota.allows(use))
      throw new Failure('audit_unavailable', `the audit cannot be written: ${FULL}`)
  }

  #drainCounts(): void {
    clearTimeout(this.#countTimer)
    this.#countTimer = undefined
    const counts = this.#counter.drain()
    if (!this.#quota.allows('other')) return
    const time = this.#parts.now()
    for (const count of counts) this.#commits.addLater({ text: this.#format.counted(count, time) })
  }

  #outcome(event: OutcomeEvent): Line {
    return {
      text: this.#format.outcome(event, this.#parts.now()),
      closes: event.requestId,
    }
  }

  #recovery(cause: 'start' | 'unwritable', details: Readonly<Record<string, unknown>>): Line {
    const { lost } = this.#segments
    const all = lost === undefined ? details : { ...details, lost }
    return { text: this.#format.recovery({ cause, details: all }, this.#parts.now()) }
  }
}

const FULL = 'the disk quota of the audit is used up'

/** Nothing is known about it; what is no number is written as null. */
function unknownOutcome(requestId: string): OutcomeEvent {
  return {
    requestId,
    result: 'unknown',
    cause: 'process_ended',
    requestBytes: Number.NaN,
    responseBytes: Number.NaN,
    durationsMs: { total: Number.NaN },
  }
}
