/** One writer's log, from its first record to its last. */

import { join } from 'node:path'
import type { NamedKey } from '../audit/note.ts'
import { systemErrorCode } from '../base/errors.ts'
import { hashesPath, listHashes, listSegments } from '../storage/journal/segment.ts'
import { checkNote, originOf, readCheckpoints, readFrontier } from './checkpoint-files.ts'
import { fileFinding, frontierFinding, type Finding } from './finding.ts'
import { doubtsAbout } from './log-doubts.ts'
import { Recoveries } from './recoveries.ts'
import type { Retirements } from './retirements.ts'
import type { Place } from './segment-lines.ts'
import { SegmentWalk } from './segment-walk.ts'
import { StoredHashes } from './stored-hashes.ts'
import { TreeCheck, type SignedSize } from './tree-check.ts'

export interface WriterVerdict {
  readonly writer: string
  /** Number of the newest record. */
  readonly records: number
  /** Records up to this one were retired with their segments: only their hashes are here. */
  readonly retired: number
  readonly segments: number
  readonly firstAt: string | undefined
  readonly lastAt: string | undefined
  /** Records that the log's own checkpoint covers; undefined without one that holds. */
  readonly checkpoint: number | undefined
  /** Records from the first on that agree with what was signed for them. */
  readonly verified: number
  /** An unfinished line at the end, of so many bytes: it was being written, or a crash tore it. */
  readonly tornBytes: number
  /** The first one first. */
  readonly findings: readonly Finding[]
}

export interface WriterLog {
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly writer: string
  readonly writers: readonly string[]
  readonly key: NamedKey
  /** What others kept of this log, checked. */
  readonly kept: readonly SignedSize[]
  readonly retirements: Retirements
  /** First numbers of the segments that were there before anything was read of any log. */
  readonly present: ReadonlySet<number>
  readonly onBytes: (bytes: number) => void
}

interface Part {
  readonly first: number
  readonly hasSegment: boolean
  /** First number of the next one. */
  readonly end: number | undefined
}

/** Reads a log. Its verdict may be asked for once all are read: any of them may tell of its retirement. */
export async function readWriter(log: WriterLog): Promise<() => WriterVerdict> {
  // In this order, since a running server adds records, hashes and checkpoints in that order.
  const own = join(log.directory, log.writer)
  const frontier = readFrontier(own)
  const { signed, findings } = ownCheckpoints(log, own)
  const noted = frontier.ok ? frontier.value : undefined
  const reading = new LogReading(log, { signed: [...signed, ...log.kept], noted })
  if (!frontier.ok) reading.check.report(frontierFinding(log.writer, frontier.error))
  findings.forEach((finding) => {
    reading.check.report(finding)
  })
  await reading.run()
  return () => reading.verdict(signed.find(({ source }) => source === 'checkpoint')?.size)
}

interface Own {
  readonly signed: readonly SignedSize[]
  readonly findings: readonly Finding[]
}

function ownCheckpoints({ key, writer }: WriterLog, directory: string): Own {
  const signed: SignedSize[] = []
  const findings: Finding[] = []
  for (const { source, note } of readCheckpoints(directory)) {
    const checked = checkNote(note, key, originOf(key, writer))
    if (checked.ok) signed.push({ ...checked.value, source })
    else {
      const message = `"${source}" ${checked.error}`
      findings.push(fileFinding('checkpoint', { writer, segment: source }, message))
    }
  }
  return { signed, findings }
}

interface Held {
  readonly signed: readonly SignedSize[]
  readonly noted: SignedSize | undefined
}

class LogReading {
  readonly check: TreeCheck
  readonly #log: WriterLog
  readonly #own: string
  readonly #covered: number
  readonly #kept: SignedSize | undefined
  readonly #recoveries: Recoveries
  #parts: readonly Part[] = []
  #retired = 0
  /** Of them, those whose segments went while the logs were read: which record of it may be too new. */
  #justRetired: { readonly first: number; through: number } | undefined
  #records = 0
  #segments = 0
  #firstAt: string | undefined
  #lastAt: string | undefined
  #uncoveredAt: string | undefined
  #end: Place | undefined
  #tornBytes = 0

  constructor(log: WriterLog, { signed, noted }: Held) {
    this.#log = log
    this.#own = join(log.directory, log.writer)
    this.#covered = Math.max(0, ...signed.map(({ size }) => size))
    this.#kept = log.kept.toSorted((one, other) => other.size - one.size)[0]
    this.#recoveries = new Recoveries(log.writer)
    const segmentOf = (seq: number) => this.#segmentOf(seq)
    this.check = new TreeCheck({ writer: log.writer, signed, noted, segmentOf })
  }

  async run(): Promise<void> {
    this.#parts = await listParts(this.#own)
    const first = this.#parts[0]
    if (first && first.first > 1) this.#miss({ ...first, first: 1, end: first.first })
    for (const part of this.#parts) {
      if (!part.hasSegment || !(await this.#walk(part))) this.#passOver(part)
    }
  }

  verdict(checkpoint: number | undefined): WriterVerdict {
    for (const finding of [...this.#doubts(checkpoint), ...this.#recoveries.findings])
      this.check.report(finding)
    const findings = this.check.finish(this.#end)
    return {
      ...{ writer: this.#log.writer, records: this.#records, retired: this.#retired },
      ...{ segments: this.#segments, firstAt: this.#firstAt, lastAt: this.#lastAt },
      ...{ checkpoint, verified: this.check.agreed, tornBytes: this.#tornBytes, findings },
    }
  }

  /** False when retention has just removed it. */
  async #walk({ first, end }: Part): Promise<boolean> {
    const { writer, writers, retirements, onBytes } = this.#log
    const walk = new SegmentWalk({
      ...{ directory: this.#own, writer, first, end, retirements, onBytes },
      ...{ covered: this.#covered, check: this.check, recoveries: this.#recoveries },
      isWriter: (name) => writers.includes(name),
      hashOf: (seq) => this.#hashOf(seq),
    })
    try {
      await walk.run()
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return false
      throw error
    }
    this.#segments++
    this.#records = walk.next - 1
    this.#firstAt ??= walk.firstAt
    this.#lastAt = walk.lastAt ?? this.#lastAt
    this.#uncoveredAt ??= walk.uncoveredAt
    this.#end = walk.place
    if (end === undefined) this.#tornBytes = walk.tornBytes
    return true
  }

  /** A segment that is not there: retention removes the oldest ones and leaves their hashes. */
  #passOver(part: Part): void {
    const isOldest = this.#segments === 0 && this.#parts.at(-1)?.hasSegment === true
    const stored = StoredHashes.open(this.#own, part.first)
    const { end = stored.end } = part
    const isRetired = isOldest && stored.end >= end
    if (!isRetired) this.#accuse({ ...part, end })
    let seq = part.first
    // Behind what is signed no hash tells anything, however many there are.
    for (; seq < Math.min(end, stored.end, this.#covered + 1); seq++) {
      const hash = stored.of(seq)
      this.check.append(isRetired ? hash : undefined, hash)
    }
    stored.close()
    this.check.skip(end - seq)
    this.#records = end - 1
    if (isRetired) this.#retire({ ...part, end })
  }

  #retire(part: Part & { readonly end: number }): void {
    const { end } = part
    this.#retired = end - 1
    if (!this.#log.present.has(part.first)) return
    this.#justRetired ??= { first: part.first, through: end - 1 }
    this.#justRetired.through = end - 1
  }

  #miss(part: Part & { readonly end: number }): void {
    this.#accuse(part)
    this.check.skip(part.end - part.first)
  }

  #accuse({ first, end }: Part & { readonly end: number }): void {
    const place = { segment: nameOf(first), line: 1, offset: 0 }
    const through = Math.max(first, end - 1)
    this.check.accuse({ seq: first, place, line: undefined, isFoundLater: false, through })
  }

  #doubts(checkpoint: number | undefined): readonly Finding[] {
    const { writer } = this.#log
    return doubtsAbout({
      ...{ writer, checkpoint, records: this.#records, covered: this.#covered, kept: this.#kept },
      ...{ lastAt: this.#lastAt, uncoveredAt: this.#uncoveredAt, retired: this.#retired },
      retiredOnRecord: this.#retiredOnRecord(),
      lost: this.#recoveries.lost,
      hasSegment: (first) => this.#parts.some((part) => part.first === first && part.hasSegment),
    })
  }

  #retiredOnRecord(): number {
    const through = this.#log.retirements.through(this.#log.writer)
    const just = this.#justRetired
    return just && just.first <= through + 1 ? Math.max(through, just.through) : through
  }

  #hashOf(seq: number): Buffer | undefined {
    const part = this.#partOf(seq)
    if (!part) return undefined
    const stored = StoredHashes.open(this.#own, part.first)
    try {
      return stored.of(seq)
    } finally {
      stored.close()
    }
  }

  #segmentOf(seq: number): string | undefined {
    const part = this.#partOf(seq)
    return part && nameOf(part.first)
  }

  #partOf(seq: number): Part | undefined {
    return this.#parts.findLast(({ first }) => first <= seq)
  }
}

const nameOf = (first: number): string => hashesPath('', first).replace('.hashes', '.jsonl')

async function listParts(directory: string): Promise<readonly Part[]> {
  const segments = new Set((await listSegments(directory)).map(({ first }) => first))
  const firsts = [...new Set([...segments, ...(await listHashes(directory))])].sort(
    (one, other) => one - other,
  )
  return firsts.map((first, index) => ({
    ...{ first, hasSegment: segments.has(first), end: firsts[index + 1] },
  }))
}
