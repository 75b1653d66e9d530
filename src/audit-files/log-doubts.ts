/** What is wrong with a log as a whole, though each of its records is as its hash says. */

import { parseSegmentName } from '../storage/journal/segment.ts'
import { fileFinding, type Finding } from './finding.ts'
import type { LostSegment } from './recoveries.ts'
import type { SignedSize } from './tree-check.ts'

export interface LogFacts {
  readonly writer: string
  /** Number of the newest record. */
  readonly records: number
  /** Records that some signature covers, and those that the log's own checkpoint does. */
  readonly covered: number
  readonly checkpoint: number | undefined
  /** The longest of those that others kept. */
  readonly kept: SignedSize | undefined
  readonly lastAt: string | undefined
  /** Time of the first record that no signature covers. */
  readonly uncoveredAt: string | undefined
  /** Of the oldest records only hashes are there: up to which one, and up to which retention said so. */
  readonly retired: number
  readonly retiredOnRecord: number
  readonly lost: readonly LostSegment[]
  readonly hasSegment: (first: number) => boolean
}

/** A checkpoint is due a second after a record. */
const UNSIGNED_LIMIT_MS = 10_000

export function doubtsAbout(facts: LogFacts): readonly Finding[] {
  return [...emptyOf(facts), ...deletedOf(facts), ...lostOf(facts), ...unsignedOf(facts)]
}

function emptyOf({ writer, records, covered }: LogFacts): readonly Finding[] {
  if (records > 0) return []
  const words = 'the log is empty, and a writer always has a first record: its files were deleted'
  const known = covered > 0 ? ` (${covered} records were signed for)` : ''
  const finding = fileFinding('deleted', { writer }, words + known)
  return [{ ...finding, seq: 1, ...(covered > 1 && { through: covered }) }]
}

function deletedOf({ writer, retired, retiredOnRecord }: LogFacts): readonly Finding[] {
  if (retired <= retiredOnRecord) return []
  const seq = retiredOnRecord + 1
  const message = `records ${seq} to ${retired}: deleted, only their hashes are here, and no signed record says that retention removed them`
  return [{ ...fileFinding('deleted', { writer }, message), seq, through: retired }]
}

/** One that came back is held to its signatures as any other. */
function lostOf({ writer, lost, hasSegment, retiredOnRecord }: LogFacts): readonly Finding[] {
  return lost.flatMap(({ seq, name }) => {
    const first = parseSegmentName(name) ?? 0
    if (hasSegment(first) || first <= retiredOnRecord) return []
    const message = `record ${seq} says that the server itself noticed it: ${name} was moved or removed while it ran, and it is not here`
    return [{ ...fileFinding('reported', { writer, segment: name }, message), seq }]
  })
}

function unsignedOf(facts: LogFacts): readonly Finding[] {
  const words = unsignedWords(facts)
  return words === undefined ? [] : [fileFinding('unsigned', { writer: facts.writer }, words)]
}

function unsignedWords(facts: LogFacts): string | undefined {
  const { records, covered, checkpoint, kept, lastAt, uncoveredAt } = facts
  if (checkpoint === undefined)
    return records > 0
      ? 'it has no checkpoint that holds, so that nothing vouches for its newest records'
      : undefined
  if (kept && kept.size > checkpoint)
    return `"checkpoint" covers ${checkpoint} records, an older state than ${kept.source} with ${kept.size}: it was put back, or this is a copy from before`
  const since = uncoveredAt === undefined ? NaN : Date.parse(uncoveredAt)
  if (Date.parse(lastAt ?? '') - since > UNSIGNED_LIMIT_MS)
    return `records from ${covered + 1} on were written over more than ${UNSIGNED_LIMIT_MS / 1000} s without a checkpoint: they may be somebody else's`
  return undefined
}
