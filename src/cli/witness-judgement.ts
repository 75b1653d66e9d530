/** What a witness makes of a server's checkpoints, by what it has kept of earlier ones. Pure. */

import type { AuditCheckpoints } from '../../sdk/src/client.ts'
import { parseVkey } from '../audit/note.ts'
import {
  compareCheckpoints,
  readCheckpoint,
  verifyCheckpoint,
  type SignedCheckpoint,
} from '../audit/signed-checkpoint.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Doubt } from './witness-doubt.ts'
import type { Kept, KeptNote } from './witness-file.ts'

/** Who is believed: the first key that was seen, and what was seen under it. */
export type Believed = Pick<Kept, 'publicKey' | 'logs'>

export function judge(note: string, believed: Believed): Result<SignedCheckpoint, Doubt> {
  const key = parseVkey(believed.publicKey)
  const shown = key && verifyCheckpoint(note, key)
  if (!shown) return err(otherKey(note))
  const known = believed.logs[shown.origin]
  const last = known && readCheckpoint(known.note)
  if (!known || !last) return ok(shown)
  switch (compareCheckpoints(last, shown)) {
    case 'cut':
      return err(cut(shown, last.size, known.seenAt))
    case 'rewritten':
      return err(rewritten(shown, known.seenAt))
    case 'grown':
    case 'same':
      return ok(shown)
  }
}

export interface Judged {
  readonly checkpoints: readonly SignedCheckpoint[]
  readonly doubts: readonly Doubt[]
}

/** Judges a server's whole list, in which no writer may be missing that was there once. */
export function judgeList(list: AuditCheckpoints, believed: Believed): Judged {
  if (list.publicKey !== believed.publicKey || !parseVkey(list.publicKey))
    return { checkpoints: [], doubts: [otherKey()] }
  const judged = list.checkpoints.map(({ note }) => judge(note, believed))
  const checkpoints = judged.flatMap((each) => (each.ok ? each.value : []))
  const doubts = judged.flatMap((each) => (each.ok ? [] : each.error))
  const isKeyInDoubt = doubts.some(({ kind }) => kind === 'key')
  const origins = new Set([...checkpoints, ...doubts].map(({ origin }) => origin))
  const gone = Object.keys(believed.logs).filter((origin) => !origins.has(origin))
  return { checkpoints, doubts: isKeyInDoubt ? doubts : [...doubts, ...gone.map(goneLog)] }
}

function cut({ origin, size, note }: SignedCheckpoint, known: number, seenAt: number): Doubt {
  const message = `${origin} has ${size} records, and had ${known} on ${dateOf(seenAt)}`
  return { kind: 'cut', origin, message, note }
}

function rewritten({ origin, size, note }: SignedCheckpoint, seenAt: number): Doubt {
  const message = `the ${size} records of ${origin} are not those of ${dateOf(seenAt)}`
  return { kind: 'rewritten', origin, message, note }
}

/** It has more records than were seen, and does not begin with those. */
export function contradiction(
  { origin, size, note }: SignedCheckpoint,
  known: number,
  { seenAt }: KeptNote,
): Doubt {
  const message = `the ${size} records of ${origin} do not begin with the ${known} of ${dateOf(seenAt)}`
  return { kind: 'rewritten', origin, message, note }
}

export function unproven(
  { origin, size }: SignedCheckpoint,
  known: number,
  { seenAt }: KeptNote,
): Doubt {
  const message = `nothing proves that the ${size} records of ${origin} begin with the ${known} of ${dateOf(seenAt)}`
  return { kind: 'unproven', origin, message }
}

function goneLog(origin: string): Doubt {
  return { kind: 'gone', origin, message: `${origin} is no longer there` }
}

function otherKey(note?: string): Doubt {
  const message = 'its checkpoints are not signed with the key that was known'
  return { kind: 'key', message, note }
}

/** Of a server that showed checkpoints before. */
export const HIDDEN: Doubt = { kind: 'hidden', message: 'it no longer shows its checkpoints' }

const dateOf = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
