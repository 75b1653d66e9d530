/** `audit prove` and `audit check-proof`: for somebody who shall not have to trust the log's owner. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { isSignedBy, parseNote, parseVkey, type NamedKey } from '../audit/note.ts'
import {
  checkpointIn,
  formatConsistency,
  formatInclusion,
  isConsistent,
  isIncluded,
  leafHashOf,
  parseConsistency,
  parseInclusion,
  type ConsistencyProof,
  type InclusionProof,
} from '../audit/tlog-proof.ts'
import { findStart, startsAt } from '../audit-files/growth-start.ts'
import { parseKept, type KeptNote } from '../audit-files/kept-checkpoints.ts'
import { proveConsistency, proveInclusion, writerOf } from '../audit-files/prove.ts'
import { findRequest, type RecordPlace } from '../audit-files/request-record.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { tornRemark } from './audit-verdict.ts'
import type { Call, Runner } from './command.ts'
import { createOutputFile } from './output-file.ts'
import { answer, loadLocal, type Session } from './session.ts'

const proveOptions = z.object({
  writer: z.string().optional(),
  dir: z.string().optional(),
  sinceCheckpoint: z.string().optional(),
  output: z.string().optional(),
})
const checkOptions = z.object({
  publicKey: z.string(),
  sinceCheckpoint: z.string().optional(),
  record: z.string().optional(),
})

export function registerAuditProve(audit: Command, runs: Runner): void {
  const prove = audit
    .command('prove [record]')
    .description(
      'write a proof that a record, by its number or its request, is in the log; or that the log only grew since a checkpoint',
    )
    .option(
      '--writer <name>',
      'whose log a number (default: local) or a checkpoint in a file of several is of',
    )
    .option('--dir <dir>', 'a copy of the audit directory instead of this environment')
    .option(
      '--since-checkpoint <file>',
      'prove that the log begins as the newest checkpoint in this file says',
    )
    .option('--output <file>', 'a file instead of standard output')
  runs(prove, proveOptions, writeProof)
  const check = audit
    .command('check-proof <file>')
    .description(
      'check a proof with nothing but the public key (exit code 5 when it does not hold)',
    )
    .requiredOption('--public-key <key>', 'the key that signed, or a file with it')
    .option('--since-checkpoint <file>', 'the older checkpoint, for a proof that the log only grew')
    .option('--record <file>', 'the record, where the proof has only its hash')
  runs(check, checkOptions, checkProof)
}

async function writeProof(call: Call<z.output<typeof proveOptions>>): Promise<void> {
  const { session, options, args } = call
  const { terminal } = session
  const directory =
    options.dir === undefined
      ? loadLocal(session).state.audit
      : resolve(terminal.workingDirectory, options.dir)
  const text =
    options.sinceCheckpoint === undefined
      ? await inclusion(directory, { record: args[0], writer: options.writer })
      : await growth(session, { ...options, directory, name: options.sinceCheckpoint })
  if (options.output === undefined) {
    terminal.print(text.trimEnd())
    return
  }
  const file = createOutputFile(terminal.workingDirectory, options.output)
  file.write(text)
  file.finish()
  terminal.note(`${options.output} written`)
}

interface Wanted {
  readonly record: string | undefined
  readonly writer: string | undefined
}

async function inclusion(directory: string, wanted: Wanted): Promise<string> {
  const { writer, seq } = await placeOf(directory, wanted)
  return formatInclusion(await proveInclusion({ directory, writer }, seq))
}

async function placeOf(directory: string, { record, writer }: Wanted): Promise<RecordPlace> {
  if (record !== undefined && /^req_[0-9a-f]{32}$/.test(record))
    return await findRequest(directory, record)
  if (record !== undefined && /^[1-9]\d{0,14}$/.test(record))
    return { writer: writer ?? 'local', seq: Number(record) }
  throw new Failure(
    'usage_invalid',
    'say which record, by its number ("seq" in `audit query --format json`) or its request (req_...), or --since-checkpoint',
  )
}

interface Growth {
  readonly directory: string
  readonly writer?: string | undefined
  /** Of the file with the older checkpoint. */
  readonly name: string
}

async function growth(session: Session, { directory, writer, name }: Growth): Promise<string> {
  const older = findStart(readKept(session, name), { directory, writer })
  if (!older.ok) throw new Failure('usage_invalid', `${name} ${older.error}`)
  const place = { directory, writer: await writerOf(directory, older.value.origin) }
  return formatConsistency(await proveConsistency(place, older.value))
}

function readKept(session: Session, name: string): readonly KeptNote[] {
  const kept = parseKept({ name, text: readText(session, name) })
  if (!kept.ok) throw new Failure('usage_invalid', `${name} ${kept.error}`)
  if (kept.value.isTorn) session.terminal.note(tornRemark(name))
  return kept.value.notes
}

async function checkProof(call: Call<z.output<typeof checkOptions>>): Promise<void> {
  const { session, options, args } = call
  const text = readText(session, args[0] ?? '')
  const key = readKey(session, options.publicKey)
  const inclusion = parseInclusion(text)
  const consistency = parseConsistency(text)
  if (inclusion) checkInclusion(call, inclusion, key)
  else if (consistency) checkGrowth(call, consistency, key)
  else throw new Failure('usage_invalid', `${args[0] ?? ''} holds no proof`)
}

type CheckCall = Call<z.output<typeof checkOptions>>

function checkInclusion({ session, options }: CheckCall, proof: InclusionProof, key: NamedKey) {
  const checkpoint = signedCheckpoint(proof.note, key)
  const line =
    options.record === undefined
      ? proof.line
      : Buffer.from(readText(session, options.record).replace(/\n$/, ''))
  if (!line)
    throw new Failure('usage_invalid', 'the proof has only a hash: give the record with --record')
  const leaf = leafHashOf(line)
  if (!isIncluded({ ...proof, leaf, checkpoint }))
    throw new Failure('audit_tampered', 'the proof does not hold: this record is not in the log')
  const seq = proof.index + 1
  const { origin, size } = checkpoint
  answer(
    session,
    { origin, seq, size, record: line.toString('utf8') },
    `${line.toString('utf8')}\n\nis record ${seq} of ${origin}, as signed over ${size} records`,
  )
}

function checkGrowth({ session, options }: CheckCall, proof: ConsistencyProof, key: NamedKey) {
  const name = options.sinceCheckpoint
  if (name === undefined)
    throw new Failure('usage_invalid', 'give the older checkpoint with --since-checkpoint')
  const newer = signedCheckpoint(proof.note, key)
  const { origin } = newer
  const starts = startsAt(readKept(session, name), { origin, size: proof.old })
  if (starts.length === 0)
    throw new Failure(
      'usage_invalid',
      `${name} holds no checkpoint of ${origin} over ${proof.old} records, where the proof begins`,
    )
  const olders = starts.map(({ note }) => signedCheckpoint(note, key))
  if (!olders.every((older) => isConsistent({ older, newer, path: proof.path })))
    throw new Failure('audit_tampered', 'the proof does not hold: the log was rewritten in between')
  answer(
    session,
    { origin, from: proof.old, to: newer.size },
    `${origin} only grew, from ${proof.old} records to ${newer.size}`,
  )
}

function signedCheckpoint(note: string, key: NamedKey) {
  const parsed = parseNote(note)
  const checkpoint = checkpointIn(note)
  if (!parsed || !checkpoint) throw new Failure('usage_invalid', 'there is no signed checkpoint')
  const isOurs = checkpoint.origin.startsWith(`${key.name}/`)
  if (isOurs && isSignedBy(parsed, { ...key, name: checkpoint.origin })) return checkpoint
  throw new Failure('audit_tampered', `the checkpoint is not signed by this key (${key.name})`)
}

/** A key is one line with two `+`; anything else is a file. */
function readKey(session: Session, given: string): NamedKey {
  const text = /^[^+\s]+\+[0-9a-f]{8}\+\S+$/.test(given) ? given : readText(session, given)
  const key = parseVkey(text)
  if (key) return key
  throw new Failure('key_invalid', '--public-key is no verifier key, or was changed')
}

function readText({ terminal }: Session, name: string): string {
  try {
    return readFileSync(resolve(terminal.workingDirectory, name), 'utf8')
  } catch (error) {
    const code = systemErrorCode(error) ?? 'failed'
    throw new Failure('usage_invalid', `${name} cannot be read (${code})`, { cause: error })
  }
}
