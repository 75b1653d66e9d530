/** A second place for checkpoints, out of reach for whoever could rewrite the log: what is new there. */

import { compareCheckpoints, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'

/** Each part of an origin is a directory's name; nothing that climbs, hides or reads as an option. */
const SAFE_ORIGIN = /^[0-9A-Za-z][\w.-]*(?:\/[0-9A-Za-z][\w.-]*)*$/

const SIZE_DIGITS = 16
const ROOT_DIGITS = 16

export interface AnchorPlace {
  /** As it may be shown: without what a URL has behind its host. */
  readonly name: string
  /** The newest that are there, by origin. */
  readonly known: ReadonlyMap<string, SignedCheckpoint>
  /** Resolves once they are there for good. Throws `refused`. */
  write(handover: Handover): Promise<void>
}

export interface Handover {
  /** Those that are new at this place; there may be none. */
  readonly checkpoints: readonly SignedCheckpoint[]
  /** Of all of them, in C2SP form. */
  readonly publicKey: string
  readonly at: number
}

/** Throws `refused` when the place has seen more of a log than there is now, or another one. */
export function newsFor(
  { name, known }: Pick<AnchorPlace, 'name' | 'known'>,
  checkpoints: readonly SignedCheckpoint[],
): readonly SignedCheckpoint[] {
  return checkpoints.filter((checkpoint) => {
    const last = known.get(checkpoint.origin)
    if (!last) return true
    const course = compareCheckpoints(last, checkpoint)
    if (course === 'grown' || course === 'same') return course === 'grown'
    const { origin, size } = checkpoint
    throw new Failure(
      'refused',
      `${name} has ${last.size} records of ${origin}, and there are ${size}: the log was ${course}`,
    )
  })
}

/** An origin as the name of a file or object. Throws `refused`. */
export function nameFor({ origin }: Pick<SignedCheckpoint, 'origin'>): string {
  if (SAFE_ORIGIN.test(origin)) return origin
  throw new Failure('refused', 'a writer has a name that can be no file')
}

/** Of an object that holds this one checkpoint and no other ever; sorts by size. Throws `refused`. */
export function objectNameOf(checkpoint: SignedCheckpoint): string {
  const size = String(checkpoint.size).padStart(SIZE_DIGITS, '0')
  return `${nameFor(checkpoint)}/${size}-${checkpoint.root.toString('hex').slice(0, ROOT_DIGITS)}.note`
}

/** The newest of each origin, of several. */
export function newestOf(all: readonly SignedCheckpoint[]): Map<string, SignedCheckpoint> {
  const newest = new Map<string, SignedCheckpoint>()
  for (const checkpoint of all)
    if ((newest.get(checkpoint.origin)?.size ?? -1) < checkpoint.size)
      newest.set(checkpoint.origin, checkpoint)
  return newest
}
