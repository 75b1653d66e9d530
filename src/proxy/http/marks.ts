/**
 * Tokens and keys where none belongs: an agent that writes its token or somebody's real key into a
 * URL, a header or a body carries it out of the house. Such a request gets marks in its record.
 */

import { carriesRealCredential, holdsLongRun } from '../../secret/carried.ts'
import type { HeaderField } from '../wire/message.ts'
import type { AcceptIndex } from './accept.ts'
import { findEmbedded, holdsBasicToken } from './candidate.ts'
import { decodeUnreserved } from './slot.ts'

type Place = 'url' | 'header' | 'body'

export type Marks = readonly string[]

/** So much of a body is looked at. */
export const WATCHED_BYTES = 64 * 1024

export const NO_MARKS: Marks = []

/** The target without a token that stood in its declared slot. */
export function marksOfTarget(target: string): Marks {
  return marksIn('url', target.includes('%') ? decodeUnreserved(target) : target)
}

/** All headers but those in which tokens may stand: what those hold is judged, not marked. */
export function marksOfHeaders(fields: readonly HeaderField[], { headers }: AcceptIndex): Marks {
  let marks = NO_MARKS
  for (const [name, value] of fields) {
    if (!holdsLongRun(value) || headers.has(name) || name === 'sec-websocket-protocol') continue
    marks = joinMarks(marks, marksIn('header', value))
    if (holdsBasicToken(value)) marks = joinMarks(marks, ['phantom_in_header'])
  }
  return marks
}

/** The beginning of a body, one that is compressed aside. */
export function marksOfBody(bytes: Buffer): Marks {
  return marksIn('body', bytes.toString('latin1', 0, WATCHED_BYTES))
}

export function joinMarks(marks: Marks, more: Marks): Marks {
  if (more.length === 0) return marks
  return marks.length === 0 ? more : [...new Set([...marks, ...more])]
}

function marksIn(place: Place, text: string): Marks {
  if (!holdsLongRun(text)) return NO_MARKS
  const marks: string[] = []
  if (findEmbedded(text) !== undefined) marks.push(`phantom_in_${place}`)
  if (carriesRealCredential(text)) marks.push(`credential_in_${place}`)
  return marks
}
