/**
 * A reading of the audit leaves one record, however many pages it takes: the cursor, which nobody
 * can forge, says who began it and when. A reading that goes on for long is recorded again.
 */

import { createCursors, type Cursors } from './cursors.ts'
import { ok, type Result } from '../base/result.ts'
import type { ApiProblem } from './problem.ts'
import type { Caller } from './route.ts'
import type { KeyObject } from 'node:crypto'

/** Where a page begins, and whether the record of its reading stands already. */
export interface Opened {
  readonly position: string | undefined
  readonly isContinued: boolean
  /** When the record was made that covers this page; undefined: none does. */
  readonly recordedAt: number | undefined
}

export interface Readings {
  open(caller: Caller, asked: Asked): Result<Opened, ApiProblem>
  /** The cursor to the page from `position` on. */
  seal(caller: Caller, list: string, reading: Sealed): string
}

interface Asked {
  readonly list: string
  readonly cursor: string | undefined
  /** For how long one record is enough. */
  readonly coversMs: number
}

interface Sealed {
  readonly position: string
  readonly recordedAt: number
}

export function createReadings(key: KeyObject): Readings {
  const cursors = createCursors(key)
  return {
    open: (caller, asked) => openReading(cursors, caller, asked),
    seal: ({ operator }, list, { position, recordedAt }) =>
      cursors.seal(list, `${recordedAt} ${position} ${operator.name}`),
  }
}

function openReading(
  cursors: Cursors,
  caller: Caller,
  { list, cursor, coversMs }: Asked,
): Result<Opened, ApiProblem> {
  if (cursor === undefined)
    return ok({ position: undefined, isContinued: false, recordedAt: undefined })
  const opened = cursors.open(list, cursor)
  if (!opened.ok) return opened
  // Under our MAC, so it has the form that `seal` gave it; names have no spaces.
  const [recordedAt = '', position = '', operator] = opened.value.split(' ')
  const isCovered = operator === caller.operator.name && caller.at - Number(recordedAt) < coversMs
  return ok({ position, isContinued: true, recordedAt: isCovered ? Number(recordedAt) : undefined })
}
