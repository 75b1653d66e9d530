/** The audit log on disk: events become lines, lines go to segments in shared commits. */

import type { KeyObject } from 'node:crypto'
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
import { GroupCommit } from './group-commit.ts'
import { BATCH_CHARACTERS, type Batch } from './mailbox.ts'
import { measureDirectory } from './measure.ts'
import { Quota, type QuotaUse } from './quota.ts'
import { reasonOf } from './reason.ts'
import { isWriterName } from './segment.ts'
import { unknownOutcome } from './unknown-outcome.ts'
import type { Signing } from './checkpoint-note.ts'
import { Writer, type WriterThread } from './writer.ts'
import type { TreeFinding } from './tree-recovery.ts'
import type { Opened } from './writer-loop.ts'

export interface Journal extends AuditLog {
  /** Resolves once everything that was given so far is on disk. */
  flush(): Promise<void>
  /**
   * The newest checkpoint, a signed note: at least each second and each 256 records there is another
   * one. Undefined without `sign`, and before the first.
   */
  checkpoint(): string | undefined
  /** Looks how much disk there is in use: somebody made room. */
  measure(): Promise<void>
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
  /** Who signs the checkpoints: a key object, since the writer's thread does it. None unless given. */
  readonly sign?: Signing
  /** A file outside `directory`, where the writer notes what it signed last. None unless given. */
  readonly sealPath?: string
  /** So long may records go without a checkpoint before nothing more is written. */
  readonly unsignedMs?: number
  readonly thread?: WriterThread | undefined
}

const SEGMENT_BYTES = 32 * 1024 * 1024
/** Zeros in front of the records, on disk before they are needed: a commit is half as long then. */
const AHEAD_BYTES = 1024 * 1024
/** Others take such zeros for records when they share a quota. */
const AHEAD_SHARE = 1 / 64
const COUNT_INTERVAL_MS = 1000
/** Less than what a verifier takes for suspicious. */
const UNSIGNED_MS = 5000

/**
 * Opens a writer's journal and makes it sound: cuts what a crash tore, closes what it left open.
 * Throws `audit_unavailable` when the directory cannot be written.
 */
export async function openJournal(parts: JournalParts): Promise<Journal> {
  if (!isWriterName(parts.writer))
    throw new Failure('config_invalid', 'the writer has an unusable name')
  const journal = new SegmentJournal(parts)
  try {
    await journal.open()
    return journal
  } catch (error) {
    await journal.close()
    const message = `the audit cannot be opened: ${reasonOf(error)}`
    throw new Failure('audit_unavailable', message, { cause: error })
  }
}

class SegmentJournal implements Journal {
  readonly #parts: JournalParts
  readonly #format: LineFormat
  readonly #writer: Writer
  readonly #commits: GroupCommit
  readonly #quota: Quota
  readonly #counter: Counter = createCounter()
  #countTimer: NodeJS.Timeout | undefined
  /** A segment that somebody took away, until the log has gone on after it. */
  #lost: string | undefined
  /** Records that are not as they were signed, until that is on the record. */
  #finding: TreeFinding | undefined

  constructor(parts: JournalParts) {
    const { writer, environment, hashKey: key, pathPatterns = () => [], now } = parts
    this.#parts = parts
    this.#format = createLineFormat({ writer, environment, key, pathPatterns })
    this.#quota = createQuota(parts, async () => this.#measure())
    this.#writer = this.#createWriter()
    this.#commits = new GroupCommit({
      now,
      write: async (batch) => this.#write(batch),
      repair: async () => this.#repair(),
      abandon: () => this.#writer.abandon(),
      describe: (interruption) => this.#recovery('unwritable', { ...interruption }),
      onProblem: (problem) => {
        parts.log.error('audit_unwritable', { problem })
      },
      onRecovered: (interruption) => {
        parts.log.info('audit_writable_again', { ...interruption })
      },
    })
  }

  /** It may take as long as it takes: nobody waits for it yet. */
  async open(): Promise<void> {
    const opened = await this.#writer.open()
    await this.#quota.measure()
    await this.#closeOpen(opened)
    this.#writer.rest()
  }

  /** Says what was found, in the log and on the record. */
  async #closeOpen(opened: Opened): Promise<void> {
    if (opened.finding) this.#noteFinding(opened.finding)
    const lines = this.#closing(opened)
    if (lines.length === 0) return
    const { open, cuts, unsigned } = opened
    this.#parts.log.warn('audit_recovered', { open: open.length, cuts: cuts.length, unsigned })
    for (const text of inBatches(lines))
      await this.#write({ text, time: this.#parts.now(), isBusy: false })
  }

  #noteFinding(finding: TreeFinding): void {
    this.#finding = finding
    this.#parts.log.error('audit_not_as_signed', { ...finding })
  }

  // Whoever comes while nothing can be written costs no line.

  intent(event: IntentEvent): Promise<void> {
    return this.#add('essential', (time) => this.#format.intent(event, time))
  }

  refusal(event: RefusalEvent): Promise<void> {
    return this.#add('other', (time) => this.#format.refusal(event, time))
  }

  change(event: ChangeEvent): Promise<void> {
    return this.#add('essential', (time) => this.#format.change(event, time))
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
      records: this.#writer.figures.records,
      bytes: this.#quota.usedBytes,
      ...(quotaBytes !== undefined && { quotaBytes }),
    }
  }

  flush(): Promise<void> {
    this.#drainCounts()
    return this.#commits.flush()
  }

  checkpoint(): string | undefined {
    return this.#writer.checkpoint
  }

  measure(): Promise<void> {
    return this.#quota.measure()
  }

  async close(): Promise<void> {
    this.#drainCounts()
    await this.#commits.close()
    await this.#writer.close()
  }

  #add(use: QuotaUse, format: (time: number) => string): Promise<void> {
    if (!this.#quota.allows(use))
      return Promise.reject(
        new Failure('audit_unavailable', `the audit cannot be written: ${FULL}`),
      )
    return this.#commits.add(format(this.#parts.now()))
  }

  #createWriter(): Writer {
    const { directory, environment, writer, sign, sealPath, thread, now, log } = this.#parts
    const { segmentBytes = SEGMENT_BYTES, quotaBytes = Number.POSITIVE_INFINITY } = this.#parts
    const { unsignedMs = UNSIGNED_MS } = this.#parts
    const signing = { sign, sealPath, unsignedMs }
    const aheadBytes = Math.floor(Math.min(AHEAD_BYTES, segmentBytes, quotaBytes * AHEAD_SHARE))
    return new Writer({
      ...{ thread, now },
      orders: { directory, environment, writer, segmentBytes, aheadBytes, ...signing },
      onEnd: (problem) => {
        this.#commits.fail(problem)
      },
      onBehind: (problem) => {
        log.error('audit_hashes_behind', { problem })
      },
      onUnsigned: (problem) => {
        this.#commits.interrupt(problem)
      },
      onFinding: (finding) => {
        this.#noteFinding(finding)
      },
    })
  }

  async #write(batch: Batch): Promise<void> {
    await this.#writer.write(batch)
    this.#lost = undefined
    this.#finding = undefined
    this.#quota.grow(this.#writer.figures.bytes)
  }

  async #repair(): Promise<void> {
    const lost = await this.#writer.repair()
    if (lost !== undefined && lost !== this.#lost)
      this.#parts.log.error('audit_segment_lost', { segment: lost })
    this.#lost = lost ?? this.#lost
  }

  /** Without the zeros that wait for records. */
  async #measure(): Promise<number> {
    return (await measureDirectory(this.#parts.directory)) - this.#writer.figures.ahead
  }

  /** What the last process left open ends here. */
  #closing({ open, cuts, finding, unsigned }: Opened): readonly string[] {
    if (open.length === 0 && cuts.length === 0 && unsigned === 0 && !finding) return []
    const lines = open.map((requestId) => this.#outcome(unknownOutcome(requestId)))
    const details = { closed: open.length, cuts, ...(unsigned > 0 && { unsigned }) }
    return [...lines, this.#recovery('start', details)]
  }

  #drainCounts(): void {
    clearTimeout(this.#countTimer)
    this.#countTimer = undefined
    const counts = this.#counter.drain()
    if (!this.#quota.allows('other')) return
    const time = this.#parts.now()
    for (const count of counts) this.#commits.addLater(this.#format.counted(count, time))
  }

  #outcome(event: OutcomeEvent): string {
    return this.#format.outcome(event, this.#parts.now())
  }

  #recovery(cause: 'start' | 'unwritable', details: Readonly<Record<string, unknown>>): string {
    const [lost, checkpoint] = [this.#lost, this.#finding]
    const all = {
      ...details,
      ...(lost !== undefined && { lost }),
      ...(checkpoint && { checkpoint }),
    }
    return this.#format.recovery({ cause, details: all }, this.#parts.now())
  }
}

function createQuota(parts: JournalParts, measure: () => Promise<number>): Quota {
  const { log, quotaBytes, isQuotaShared = false } = parts
  return new Quota({
    ...{ limitBytes: quotaBytes, isShared: isQuotaShared, measure },
    onHigh: (usedBytes) => {
      log.warn('audit_quota_high', { usedBytes, quotaBytes })
    },
  })
}

/** As much as one batch takes, again and again. */
function* inBatches(lines: readonly string[]): Generator<string> {
  let text = ''
  for (const line of lines) {
    text += line + '\n'
    if (text.length < BATCH_CHARACTERS) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

const FULL = 'the disk quota of the audit is used up'
