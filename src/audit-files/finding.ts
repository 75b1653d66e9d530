/** What is wrong with a log: which record first, where it stands, and how sure that is. */

import type { Place } from './segment-lines.ts'

export type FindingKind =
  /** Of a record, which `seq` names. */
  | 'changed'
  | 'removed'
  | 'added'
  | 'duplicated'
  | 'reordered'
  | 'foreign'
  | 'cut'
  /** Of some record among `seq` to `through`: its hash was made to fit. */
  | 'rewritten'
  /** Of what stands beside the records. */
  | 'hashes'
  | 'frontier'
  | 'checkpoint'
  | 'unsigned'
  /** Records are gone with their segments, and retention did not say that it removed them. */
  | 'deleted'
  /** The server itself says so, in a signed record. */
  | 'reported'
  /** Of the server, by a command that kept its checkpoints. */
  | 'witnessed'

export interface Finding {
  readonly kind: FindingKind
  readonly writer: string
  /** The first record that is wrong. */
  readonly seq?: number | undefined
  /** The last one of several. */
  readonly through?: number | undefined
  /** Where that record stands, or should. */
  readonly segment?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  /** In bytes, where the line begins. */
  readonly offset?: number | undefined
  /** A signature says that everything before is as it was written, and that this is not. */
  readonly isCertain: boolean
  /** In plain words, for people. */
  readonly message: string
}

export interface Wrong {
  readonly writer: string
  readonly seq: number
  readonly through?: number | undefined
  readonly place?: Place | undefined
  readonly isCertain: boolean
}

/** A finding about a record. */
export function findingOf(kind: FindingKind, wrong: Wrong, words: string): Finding {
  const { writer, seq, through = seq, place, isCertain } = wrong
  const records = through === seq ? `record ${seq}` : `records ${seq} to ${through}`
  const where = place ? ` (${place.segment}, line ${place.line}, byte ${place.offset})` : ''
  return {
    ...{ kind, writer, seq, isCertain },
    ...(through !== seq && { through }),
    ...place,
    message: `${records}${where}: ${words}`,
  }
}

/** A finding about a file beside the records. */
export function fileFinding(
  kind: FindingKind,
  { writer, segment }: { readonly writer: string; readonly segment?: string | undefined },
  message: string,
): Finding {
  return { kind, writer, ...(segment !== undefined && { segment }), isCertain: true, message }
}

/** About what the journal noted for itself, which nobody signed. */
export const frontierFinding = (writer: string, words: string): Finding =>
  fileFinding(
    'frontier',
    { writer, segment: 'frontier' },
    `${words} (remove it while nothing runs, and it is made anew)`,
  )
