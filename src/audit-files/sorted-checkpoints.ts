/** Checkpoints that were kept elsewhere, each to the log that it is of, and those that fit none. */

import type { NamedKey } from '../audit/note.ts'
import { checkNote } from './checkpoint-files.ts'
import { fileFinding, type Finding } from './finding.ts'
import type { KeptNote } from './kept-checkpoints.ts'
import type { SignedSize } from './tree-check.ts'

export interface Sorted {
  readonly of: ReadonlyMap<string, readonly SignedSize[]>
  readonly findings: readonly Finding[]
  /** Origins of those that are of another log. */
  readonly others: readonly string[]
}

export interface Logs {
  readonly key: NamedKey
  readonly writers: readonly string[]
}

export function sortKept(notes: readonly KeptNote[], { key, writers }: Logs): Sorted {
  const of = new Map<string, SignedSize[]>()
  const findings: Finding[] = []
  const others: string[] = []
  for (const { source, origin, note } of notes) {
    if (!origin.startsWith(`${key.name}/`)) {
      others.push(origin)
      continue
    }
    const writer = origin.slice(key.name.length + 1)
    const checked = checkNote(note, key, origin)
    if (!checked.ok)
      findings.push(fileFinding('checkpoint', { writer }, `${source} (${origin}) ${checked.error}`))
    else if (!writers.includes(writer))
      findings.push(missingLog(writer, source, checked.value.size))
    else of.set(writer, [...(of.get(writer) ?? []), { ...checked.value, source }])
  }
  return { of, findings, others }
}

function missingLog(writer: string, source: string, size: number): Finding {
  const message = `the log of writer ${writer} is not here, and ${source} was signed for ${size} records of it`
  return { ...fileFinding('cut', { writer }, message), seq: 1, through: size }
}

/** The log of another environment, as its own checkpoints name it. */
const ORIGIN = /^apistronghold\/[^/\s]+\/[^/\s]+$/

export interface Strangers {
  readonly key: NamedKey
  readonly keyFrom: 'given' | 'kept' | 'directory'
  readonly sorted: Sorted
}

/**
 * A key that was put beside the log has the name that somebody gave it. Under another name than the
 * kept checkpoints have, nothing would be compared with them: that is no proof of anything.
 */
export function strangersIn(
  { logName }: { readonly logName?: string | undefined },
  { key, keyFrom, sorted }: Strangers,
): readonly Finding[] {
  const found = (writer: string, words: string) => fileFinding('checkpoint', { writer }, words)
  const findings: Finding[] = []
  if (logName !== undefined && key.name !== logName)
    findings.push(
      found(
        key.name,
        `the public key is of the log ${key.name}, and this one has to be ${logName}`,
      ),
    )
  const isNoneCompared = sorted.of.size === 0 && sorted.findings.length === 0
  for (const origin of new Set(sorted.others))
    if (isNoneCompared || (keyFrom === 'directory' && !ORIGIN.test(origin)))
      findings.push(
        found(
          origin,
          `this kept checkpoint was compared with nothing: the public key is of the log ${key.name}`,
        ),
      )
  return findings
}
