/**
 * A directory of audit logs, held to what was signed: all writers in it, and the checkpoints that
 * somebody kept elsewhere. It reads and changes nothing; a server may be writing meanwhile.
 */

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseVkey, type NamedKey } from '../audit/note.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { listSegments, listWriters } from '../storage/journal/segment.ts'
import { fileFinding, type Finding } from './finding.ts'
import { parseKept, type KeptDoubt, type KeptFile } from './kept-checkpoints.ts'
import { readIfThere } from './regular-file.ts'
import { Retirements } from './retirements.ts'
import { sortKept, strangersIn, type Sorted } from './sorted-checkpoints.ts'
import { readWriter, type WriterLog, type WriterVerdict } from './writer-verdict.ts'

export interface VerifyOrder {
  /** Holds one directory for each writer. */
  readonly directory: string
  /** C2SP verifier key; else the one that a kept file has, else the one beside the logs. */
  readonly publicKey?: string | undefined
  readonly kept: readonly KeptFile[]
  /** Whose log it has to be, where that is known: `apistronghold/<environment>`. */
  readonly logName?: string | undefined
  readonly onProgress?: (bytes: number, allBytes: number) => void
}

export interface AuditVerdict {
  readonly isIntact: boolean
  readonly publicKey: string
  /** `directory`: it came from the same place as the log, so that who rewrote one could replace both. */
  readonly keyFrom: 'given' | 'kept' | 'directory'
  readonly writers: readonly WriterVerdict[]
  /** By writer: up to which record retention removed them, as signed records say; 0 where none does. */
  readonly retiredOnRecord: Readonly<Record<string, number>>
  /** About no writer that is here. */
  readonly findings: readonly Finding[]
  /** Kept checkpoints of other logs, by origin: nothing was compared with them. */
  readonly others: readonly string[]
  /** Kept files whose last note was torn by a crash, and left out. */
  readonly torn: readonly string[]
  readonly bytes: number
}

export const KEY_FILE = 'checkpoint.pub'

/** Throws `not_found` without logs, `key_missing` or `key_invalid` without a key, `audit_unreadable`. */
export async function verifyAudit(order: VerifyOrder): Promise<AuditVerdict> {
  try {
    return await verify(order)
  } catch (error) {
    const code = systemErrorCode(error)
    if (error instanceof Failure || code === undefined) throw error
    const { path = 'the audit' } = error as NodeJS.ErrnoException
    throw new Failure('audit_unreadable', `${path} cannot be read (${code})`, { cause: error })
  }
}

async function verify(order: VerifyOrder): Promise<AuditVerdict> {
  const { directory } = order
  const kept = order.kept.map((file) => keptOf(file))
  const writers = await listWriters(directory)
  if (writers.length === 0 && kept.length === 0)
    throw new Failure('not_found', `there is no audit in ${directory}`)
  const { key, ...about } = chooseKey(
    order,
    kept.flatMap(({ publicKey }) => publicKey ?? []),
  )
  const notes = kept.flatMap((one) => one.notes)
  const allBytes = sizeOf(directory, writers)
  let bytes = 0
  const onBytes = (more: number): void => {
    bytes += more
    order.onProgress?.(bytes, allBytes)
  }
  const sorted = sortKept(notes, { key, writers })
  const retirements = new Retirements()
  const logs = { directory, writers, key, kept: sorted.of, retirements, onBytes }
  const verdicts = await readAll(logs)
  const findings = [
    ...strangersIn(order, { key, keyFrom: about.keyFrom, sorted }),
    ...sorted.findings,
    ...kept.flatMap((one) => one.doubts.map(witnessed)),
  ]
  const { others } = sorted
  const torn = kept.flatMap(({ isTorn }, index) => (isTorn ? [order.kept[index]?.name ?? ''] : []))
  const isIntact = findings.length === 0 && verdicts.every((one) => one.findings.length === 0)
  const retiredOnRecord = Object.fromEntries(
    writers.map((writer) => [writer, retirements.through(writer)]),
  )
  const found = { findings, others, torn }
  return { isIntact, ...about, writers: verdicts, retiredOnRecord, ...found, bytes }
}

interface ReadLogs extends Pick<WriterLog, 'directory' | 'writers' | 'key' | 'retirements'> {
  readonly kept: Sorted['of']
  readonly onBytes: (bytes: number) => void
}

async function readAll({ kept, ...logs }: ReadLogs): Promise<readonly WriterVerdict[]> {
  const present = new Map<string, ReadonlySet<number>>()
  for (const writer of logs.writers) {
    const segments = await listSegments(join(logs.directory, writer))
    present.set(writer, new Set(segments.map(({ first }) => first)))
  }
  const readings: (() => WriterVerdict)[] = []
  for (const writer of logs.writers) {
    const own = { writer, kept: kept.get(writer) ?? [], present: present.get(writer) ?? new Set() }
    readings.push(await readWriter({ ...logs, ...own }))
  }
  return readings.map((verdict) => verdict())
}

function keptOf(file: KeptFile) {
  const kept = parseKept(file)
  if (!kept.ok) throw new Failure('usage_invalid', `${file.name} ${kept.error}`)
  return kept.value
}

interface Chosen {
  readonly key: NamedKey
  readonly publicKey: string
  readonly keyFrom: AuditVerdict['keyFrom']
}

function chooseKey({ directory, publicKey }: VerifyOrder, kept: readonly string[]): Chosen {
  if (publicKey !== undefined) return chosen(publicKey, 'given', 'the public key')
  const [first, ...others] = new Set(kept)
  if (others.length > 0)
    throw new Failure('key_invalid', 'the kept checkpoints are of several keys: give --public-key')
  if (first !== undefined) return chosen(first, 'kept', 'the public key with a kept checkpoint')
  const found = readIfThere(join(directory, KEY_FILE))
  if (found === undefined)
    throw new Failure('key_missing', `there is no ${KEY_FILE} in ${directory}: give --public-key`)
  return chosen(found, 'directory', KEY_FILE)
}

function chosen(text: string, keyFrom: Chosen['keyFrom'], what: string): Chosen {
  const key = parseVkey(text)
  if (!key) throw new Failure('key_invalid', `${what} is no verifier key, or was changed`)
  return { key, publicKey: text.trim(), keyFrom }
}

/** Whatever the records say now: a server that once showed another log has to explain it. */
function witnessed({ source, origin = '', message, at }: KeptDoubt): Finding {
  const writer = origin.slice(origin.lastIndexOf('/') + 1) || 'all'
  const on = new Date(at).toISOString()
  const words = `${source} has it from the server itself, on ${on}: ${message}`
  return fileFinding('witnessed', { writer }, words)
}

function sizeOf(directory: string, writers: readonly string[]): number {
  let bytes = 0
  for (const writer of writers)
    for (const name of readdirSync(join(directory, writer)))
      if (name.endsWith('.jsonl'))
        bytes += statSync(join(directory, writer, name), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}
