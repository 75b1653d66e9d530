/** Checkpoints as a witness takes them: only of a known log and under its key, and each after the last. */

import { isSignedBy, parseCheckpoint, parseNote, type Checkpoint, type NamedKey } from './note.ts'

export interface SignedCheckpoint extends Checkpoint {
  /** The whole of it, to be kept or handed on. */
  readonly note: string
}

/** Lines of text, an empty one, lines that begin with a dash and hold a signature. */
const NOTE = /(?:[^\n\u2014][^\n]*\n)+\n(?:\u2014 [^\n]+\n)+/g

/** What the note says, whoever signed it; undefined for what is no checkpoint. */
export function readCheckpoint(note: string): SignedCheckpoint | undefined {
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '')
  return checkpoint && { ...checkpoint, note }
}

/** Undefined unless it is of one of the writers of this log, under the log's key. */
export function verifyCheckpoint(note: string, log: NamedKey): SignedCheckpoint | undefined {
  const parsed = parseNote(note)
  const checkpoint = parsed && parseCheckpoint(parsed.text)
  if (!parsed || !checkpoint?.origin.startsWith(`${log.name}/`)) return undefined
  const writer = { name: checkpoint.origin, publicKey: log.publicKey }
  return isSignedBy(parsed, writer) ? { ...checkpoint, note } : undefined
}

/**
 * How a log went on from one checkpoint to a later one, as far as the two alone can tell. `cut`: records
 * are gone. `rewritten`: the same number of other ones.
 */
export function compareCheckpoints(
  known: Checkpoint,
  shown: Checkpoint,
): 'grown' | 'same' | 'cut' | 'rewritten' {
  if (shown.size !== known.size) return shown.size > known.size ? 'grown' : 'cut'
  return shown.root.equals(known.root) ? 'same' : 'rewritten'
}

/** The notes of a file that has one after the other; what is none, as one that was torn, is left out. */
export function splitNotes(text: string): readonly string[] {
  return text.match(NOTE)?.filter((note) => parseNote(note) !== undefined) ?? []
}
