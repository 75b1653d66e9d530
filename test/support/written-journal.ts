/** Segments written by hand with the journal's own lines: any writer, any time, any damage. */

import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type {
  ChangeEvent,
  IntentEvent,
  OutcomeEvent,
  RefusalEvent,
} from '../../src/audit/audit-log.ts'
import { createLineFormat, numbered, type LineFormat } from '../../src/audit/record.ts'
import { segmentPath } from '../../src/storage/journal/segment.ts'
import { AUDIT_KEY } from './audit.ts'

export interface WrittenJournal {
  readonly path: string
  /** Number of the record written last. */
  readonly seq: number
  intent(event: IntentEvent, time: number): void
  refusal(event: RefusalEvent, time: number): void
  outcome(event: OutcomeEvent, time: number): void
  change(event: ChangeEvent, time: number): void
  /** Anything, as it is. */
  raw(bytes: string): void
  /** Begins the next segment. */
  rotate(time: number): void
}

/** One writer's part of the journal in `directory`. */
export function createWrittenJournal(
  directory: string,
  { writer = 'local' }: { readonly writer?: string } = {},
): WrittenJournal {
  const format: LineFormat = createLineFormat({
    ...{ writer, environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const own = join(directory, writer)
  mkdirSync(own, { recursive: true, mode: 0o700 })
  let seq = 0
  let path = segmentPath(own, 1)
  const write = (line: string): void => {
    seq++
    appendFileSync(path, numbered(seq, line), { mode: 0o600 })
  }
  return {
    get path() {
      return path
    },
    get seq() {
      return seq
    },
    intent: (event, time) => {
      write(format.intent(event, time))
    },
    refusal: (event, time) => {
      write(format.refusal(event, time))
    },
    outcome: (event, time) => {
      write(format.outcome(event, time))
    },
    change: (event, time) => {
      write(format.change(event, time))
    },
    raw: (bytes) => {
      appendFileSync(path, bytes, { mode: 0o600 })
    },
    rotate: (time) => {
      path = segmentPath(own, seq + 1)
      write(format.segment({ previous: null, open: [] }, time))
    },
  }
}
