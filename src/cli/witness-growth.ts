/**
 * Whether a log only grew since it was seen: a server proves that its newest checkpoint goes on from
 * each one that was kept, by hashes that only the same records give.
 */

import { ApiError, type Client } from '../../sdk/src/client.ts'
import { bytesOf } from '../audit/note.ts'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { isConsistent } from '../audit/tlog-proof.ts'
import type { Doubt } from './witness-doubt.ts'
import type { Kept, KeptNote } from './witness-file.ts'
import { contradiction, unproven } from './witness-judgement.ts'

export interface Growth {
  readonly shown: SignedCheckpoint
  /** The notes that it is proven to go on from. */
  readonly proven: ReadonlySet<string>
  readonly doubts: readonly Doubt[]
}

/** One that never answers is believed so long. */
const PATIENCE_MS = 86_400_000
const NO_PROOF = [400, 403, 404, 405]
/** For one checkpoint; the others wait until the next command. */
const MAX_PROOFS = 8

export interface Grower {
  readonly client: Client
  readonly kept: Kept
  readonly now: number
}

/** What is not proven by it is asked for again, by the next command. */
export async function proveGrowth(
  shown: SignedCheckpoint,
  { client, kept, now }: Grower,
): Promise<Growth> {
  const proven = new Set<string>()
  const doubts: Doubt[] = []
  for (const known of unlinked(kept, shown).slice(0, MAX_PROOFS)) {
    const verdict = await verdictOn(shown, known, client)
    if (verdict === 'proven') proven.add(known.note)
    else if (verdict === 'contradicted') doubts.push(contradiction(shown, sizeOf(known), known))
    else if (verdict === 'refused' || known.seenAt < now - PATIENCE_MS)
      doubts.push(unproven(shown, sizeOf(known), known))
    if (verdict === 'unanswered') break
  }
  return { shown, proven, doubts }
}

/** Of shorter logs, the newest that was seen and those before it that nothing links to a later one. */
function unlinked(kept: Kept, { origin, size }: SignedCheckpoint): readonly KeptNote[] {
  const log = kept.logs[origin]
  const notes = log ? [log, ...log.earlier.filter(({ isUnproven }) => isUnproven === true)] : []
  return notes.filter((known) => sizeOf(known) < size)
}

type Verdict = 'proven' | 'contradicted' | 'refused' | 'unanswered'

async function verdictOn(
  shown: SignedCheckpoint,
  known: KeptNote,
  client: Client,
): Promise<Verdict> {
  const older = readCheckpoint(known.note)
  if (!older || older.size === 0) return 'proven' // everything goes on from nothing
  try {
    const writer = shown.origin.slice(shown.origin.lastIndexOf('/') + 1)
    const growth = { writer, from: older.size, to: shown.size }
    const { path } = await client.audit.consistency(growth)
    const hashes = path.map((hash) => bytesOf(hash) ?? Buffer.alloc(0))
    return isConsistent({ older, newer: shown, path: hashes }) ? 'proven' : 'contradicted'
  } catch (error) {
    return error instanceof ApiError && NO_PROOF.includes(error.status) ? 'refused' : 'unanswered'
  }
}

const sizeOf = ({ note }: KeptNote): number => readCheckpoint(note)?.size ?? 0
