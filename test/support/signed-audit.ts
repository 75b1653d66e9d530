/** A small audit of two writers, as the journal itself writes and signs it, kept in memory to be spoilt. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatVkey } from '../../src/audit/note.ts'
import { createSigner } from '../../src/storage/journal/checkpoint-note.ts'
import { aChange, anOutcome, aRequestId, intentOf } from './audit.ts'
import { createTestJournal } from './journal.ts'
import { leafHashOf, rootOf } from './merkle.ts'

export const LOG = 'apistronghold/production'
export const WRITERS = ['local', 'worker-1'] as const

/** Name below the audit's directory to content. */
export type Files = Map<string, Buffer>

export interface SignedAudit {
  readonly key: KeyObject
  readonly publicKey: string
  readonly files: Files
  /** The first checkpoint of writer `local` that stood there, when it had fewer records. */
  readonly early: string
}

const DAY_MS = 86_400_000

type Writing = Awaited<ReturnType<ReturnType<typeof createTestJournal>['open']>>

export const vkeyOf = (key: KeyObject): string =>
  formatVkey({ name: LOG, publicKey: createPublicKey(key) })

/** Three segments of `local`, two of `worker-1`. */
export async function writeSignedAudit(): Promise<SignedAudit> {
  const { privateKey: key } = generateKeyPairSync('ed25519')
  const test = createTestJournal()
  try {
    let early = ''
    const write = async (journal: Writing, number: number, isFirst: boolean): Promise<void> => {
      if (!isFirst) test.clock.now += DAY_MS
      await journal.intent(intentOf(number))
      journal.outcome(anOutcome({ requestId: aRequestId(number) }))
      await journal.change(aChange())
    }
    for (const [index, writer] of WRITERS.entries()) {
      const journal = await test.open({ writer, sign: { key, origin: `${LOG}/${writer}` } })
      for (const number of [1, 2, 3].slice(index))
        await write(journal, number, number === index + 1)
      await journal.close()
      early ||= signedFor(filesIn(test.directory), { key, writer, size: 5 })
    }
    const publicKey = vkeyOf(key)
    const files = filesIn(test.directory).set('checkpoint.pub', Buffer.from(`${publicKey}\n`))
    return { key, publicKey, files, early }
  } finally {
    await test.remove()
  }
}

export function filesIn(directory: string): Files {
  const files: Files = new Map()
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path.slice(directory.length + 1), readFileSync(path))
  }
  return files
}

/** The directory then holds these files and nothing else. */
export function putFiles(directory: string, files: Files): void {
  rmSync(directory, { recursive: true, force: true })
  for (const [name, content] of files) {
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}

export const segmentsOf = (files: Files, writer: string): readonly string[] =>
  [...files.keys()]
    .filter((name) => name.startsWith(`${writer}/`) && name.endsWith('.jsonl'))
    .sort()

/** Without their newlines. */
export const linesOf = (content: Buffer): string[] => content.toString().split('\n').slice(0, -1)

export const joined = (lines: readonly string[]): Buffer =>
  Buffer.from(lines.map((line) => `${line}\n`).join(''))

/** A checkpoint over the first records that stand in the files. */
export function signedFor(
  files: Files,
  {
    key,
    writer,
    size,
    log = LOG,
  }: {
    readonly key: KeyObject
    readonly writer: string
    readonly size?: number
    readonly log?: string
  },
): string {
  const leaves = segmentsOf(files, writer)
    .flatMap((name) => linesOf(files.get(name) ?? Buffer.alloc(0)))
    .map((line) => leafHashOf(Buffer.from(line)))
    .slice(0, size)
  const sign = createSigner({ key, origin: `${log}/${writer}` })
  return sign({ size: leaves.length, root: rootOf(leaves) })
}
