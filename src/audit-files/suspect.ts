/**
 * The first line of a log that is not what it should be, and what became of its record: judged by the
 * number that the line claims, its hash, and whether the right line comes later.
 */

import type { FindingKind } from './finding.ts'
import type { Place } from './segment-lines.ts'

export interface Suspect {
  /** The record that should stand there. */
  readonly seq: number
  readonly place: Place
  /** What stands there; undefined when nothing does. */
  readonly line: SuspectLine | undefined
  /** The right line was found behind it, in the same segment. */
  isFoundLater: boolean
  /** The log ends before it. */
  readonly isAtEnd?: boolean
  /** The last record that is gone with it, where none of them was found. */
  readonly through?: number | undefined
}

export interface SuspectLine {
  /** Undefined for what is no record. */
  readonly claimed: number | undefined
  /** Whose record it says that it is, if not this writer's. */
  readonly writer: string | undefined
  /** It is the record that it claims to be; undefined when nothing tells. */
  readonly isGenuine: boolean | undefined
  /** All records of this segment have come before it. */
  readonly isBeyond: boolean
}

/** What became of the record, and what to say behind its number. */
export interface Judgement {
  readonly kind: FindingKind
  readonly words: string
  readonly through?: number | undefined
}

export function judge(suspect: Suspect): Judgement {
  const { seq, line, isAtEnd, through } = suspect
  if (!line) return { ...(isAtEnd === true ? CUT : REMOVED), through }
  if (line.writer !== undefined)
    return { kind: 'foreign', words: `a record of writer ${line.writer} stands in its place` }
  if (line.isBeyond) return beyond(line)
  return suspect.isFoundLater ? inFrontOf(seq, line) : insteadOf(seq, line)
}

const CUT = { kind: 'cut', words: 'cut off at the end of the log' } as const
const REMOVED = { kind: 'removed', words: 'removed' } as const
const CHANGED = { kind: 'changed', words: 'changed' } as const
const ADDED = { kind: 'added', words: 'a line was added in front of it' } as const

const duplicated = (claimed: number | undefined): Judgement => ({
  ...{ kind: 'duplicated', words: `record ${claimed ?? 0} stands in front of it once more` },
})

/** The line stands behind the last record of a segment. */
function beyond({ isGenuine, claimed }: SuspectLine): Judgement {
  return isGenuine === true ? duplicated(claimed) : ADDED
}

/** The right line comes later. */
function inFrontOf(seq: number, { isGenuine, claimed = 0 }: SuspectLine): Judgement {
  if (isGenuine !== true) return ADDED
  if (claimed < seq) return duplicated(claimed)
  const words = `out of order: record ${claimed} stands in its place, and it comes later`
  return { kind: 'reordered', words }
}

/** The right line is nowhere. */
function insteadOf(seq: number, { isGenuine, claimed }: SuspectLine): Judgement {
  if (claimed === undefined || isGenuine === false || claimed === seq) return CHANGED
  if (claimed > seq) return { ...REMOVED, through: claimed - 1 }
  return isGenuine === true ? duplicated(claimed) : CHANGED
}
