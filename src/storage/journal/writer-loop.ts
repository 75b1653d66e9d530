/**
 * A journal's writer as its own thread runs it: opens the directory and makes it sound, then waits
 * for a batch, writes it, and answers, until it is told to close. It blocks while it waits.
 */

import { join } from 'node:path'
import { createSegmentFormat } from '../../audit/record.ts'
import { Failure } from '../../base/errors.ts'
import type { JournalFiles } from './files.ts'
import { Mailbox, type Figures, type Letter } from './mailbox.ts'
import { reasonOf } from './reason.ts'
import { recoverSegments, type Cut } from './recovery.ts'
import { SegmentWriter } from './segment-writer.ts'
import type { Signing } from './checkpoint-note.ts'
import { Seal } from './seal.ts'
import { TreeLog } from './tree-log.ts'
import { recoverTree, type TreeFinding } from './tree-recovery.ts'

export interface WriterOrders {
  readonly memory: SharedArrayBuffer
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly environment: string
  readonly writer: string
  readonly segmentBytes: number
  readonly aheadBytes: number
  /** The writing clock, epoch milliseconds. */
  readonly time: number
  /** The last record that counts, when a thread before this one ended badly. */
  readonly acknowledged: number | undefined
  readonly sign: Signing | undefined
  /** A file outside the log that tells what was signed last; undefined: none. */
  readonly sealPath: string | undefined
  /** So long may records go without a checkpoint. */
  readonly unsignedMs: number
}

export interface Opened {
  readonly records: number
  readonly open: readonly string[]
  readonly cuts: readonly Cut[]
  /** Undefined when records and checkpoint agree. */
  readonly finding: TreeFinding | undefined
  /** Records that no checkpoint covered. */
  readonly unsigned: number
}

/** What the journal is told. */
export type WriterMessage =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'failed'; readonly problem: string }
  /** `lost` names a segment that somebody took away. */
  | { readonly kind: 'repaired'; readonly lost: string | undefined }
  /** Hashes or checkpoints cannot be written; records can. */
  | { readonly kind: 'behind'; readonly problem: string }
  /** That has gone on for too long: only a repair that catches up lets more be written. */
  | { readonly kind: 'unsigned'; readonly problem: string }
  | 'written'

export type Send = (message: WriterMessage) => void

/** A busy writer lets a checkpoint wait so long at most. */
const OVERDUE_MS = 100

interface OpenWriter {
  readonly mailbox: Mailbox
  readonly segments: SegmentWriter
  readonly tree: TreeLog
}

/** Resolves when it was told to close, or when the directory cannot be opened. */
export async function runWriter(
  orders: WriterOrders,
  files: JournalFiles,
  send: Send,
): Promise<void> {
  let writer: OpenWriter
  try {
    writer = await openWriter(orders, files, send)
  } catch (error) {
    send({ kind: 'failed', problem: reasonOf(error) })
    return
  }
  serve(writer, send)
}

async function openWriter(
  orders: WriterOrders,
  files: JournalFiles,
  send: Send,
): Promise<OpenWriter> {
  const directory = join(orders.directory, orders.writer)
  const { segmentBytes, aheadBytes, acknowledged, sign, sealPath, time } = orders
  files.makeDirectory(directory)
  files.syncDirectory(orders.directory)
  const mailbox = new Mailbox(orders.memory)
  const found = await recoverSegments({ directory, files, acknowledged })
  const recovered = await recoverTree({ directory, files, found, sign, sealPath })
  const { frontier, next, finding, unsigned } = recovered
  const seal = sealPath === undefined ? undefined : new Seal(files, sealPath)
  seal?.begin(recovered.note ?? '')
  const tree = new TreeLog({
    ...{ directory, files, sign, seal, tree: frontier },
    publish: (checkpoint) => {
      mailbox.publish(checkpoint)
    },
    onBehind: (error) => {
      send({ kind: 'behind', problem: reasonOf(error) })
    },
    unsignedMs: orders.unsignedMs,
    onUnsigned: (problem) => {
      send({ kind: 'unsigned', problem })
    },
  })
  const format = createSegmentFormat(orders)
  const parts = { directory, files, format, segmentBytes, aheadBytes, tree }
  // What is not as it was signed stays as it is now.
  const tail = finding ? undefined : found.tail
  const previous = found.tail?.segment.first ?? null
  const segments = new SegmentWriter({ ...parts, tail, previous, next, open: found.open })
  beginWriting(segments, time)
  const { open, cuts } = found
  send({ kind: 'opened', opened: { records: segments.records, open, cuts, finding, unsigned } })
  return { mailbox, segments, tree }
}

/** A new segment gets its first record at once: what cannot be written shall show at the start. */
function beginWriting(segments: SegmentWriter, time: number): void {
  if (segments.hasSegment) return
  try {
    segments.append({ lines: Buffer.alloc(0), time, isBusy: false, claim: () => true })
  } catch (error) {
    segments.close()
    throw error
  }
}

function serve(writer: OpenWriter, send: Send): void {
  const { mailbox, segments, tree } = writer
  for (;;) {
    const letter = mailbox.await(tree.msUntilDue())
    if (letter?.order === 'close') break
    if (letter?.order === 'repair') repair(writer, send)
    else if (letter) write(writer, letter, send)
    // Rather than let a batch wait, but not for ever.
    const isFree = !mailbox.hasLetter
    if (tree.msUntilDue() <= (isFree ? 0 : -OVERDUE_MS)) tree.checkpoint()
  }
  try {
    segments.close()
  } finally {
    tree.close()
  }
}

function repair({ mailbox, segments, tree }: OpenWriter, send: Send): void {
  try {
    segments.repair()
    if (tree.unsigned !== undefined) tree.checkpoint()
    if (tree.unsigned !== undefined) throw new Failure('audit_unavailable', tree.unsigned)
    mailbox.release()
    send({ kind: 'repaired', lost: segments.lost })
  } catch (error) {
    mailbox.release()
    send({ kind: 'failed', problem: reasonOf(error) })
  }
}

function write({ mailbox, segments }: OpenWriter, letter: Letter, send: Send): void {
  const commit: { isClaimed: boolean } = { isClaimed: false }
  const claim = (figures: Figures): boolean => {
    commit.isClaimed = mailbox.claim(figures)
    if (commit.isClaimed) send('written')
    return commit.isClaimed
  }
  try {
    segments.append({ ...letter, claim })
  } catch (error) {
    // Nobody can be told no any more: the thread ends, and the next one recovers.
    if (commit.isClaimed) throw error
    mailbox.release()
    send({ kind: 'failed', problem: reasonOf(error) })
  }
}
