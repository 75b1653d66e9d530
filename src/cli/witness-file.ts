/**
 * What this operator has seen of servers' audits: one file for each server, the newest checkpoint of
 * each writer and some of those before. Commands may run side by side: nothing is replaced by less, and
 * once something did not fit, nothing is replaced any more.
 */

import { createHash } from 'node:crypto'
import { renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import { configurationHome } from './login-file.ts'
import type { Terminal } from './terminal.ts'
import { LASTING, nameOf, type LastingDoubt } from './witness-doubt.ts'
import { whileLocked } from './witness-lock.ts'

const keptNote = z.object({
  note: z.string(),
  seenAt: z.int(),
  /** Nothing showed yet that a later one goes on from it: it stays until something does. */
  isUnproven: z.literal(true).optional(),
})
const keptDoubt = z.object({
  kind: z.enum(LASTING),
  origin: z.string().optional(),
  message: z.string(),
  /** What the server showed then. */
  note: z.string().optional(),
  at: z.int(),
})
const keptSchema = z.object({
  server: z.string(),
  /** The first that was seen, in C2SP form. */
  publicKey: z.string(),
  /** When the server was last asked for the checkpoints of all its writers. */
  listedAt: z.int(),
  /** By origin. */
  logs: z.record(z.string(), keptNote.extend({ earlier: z.array(keptNote).readonly() })),
  /** What did not fit, until the operator says that it is forgotten. */
  doubts: z.array(keptDoubt).readonly().default([]),
})

export type Kept = Readonly<z.output<typeof keptSchema>>
export type KeptNote = Readonly<z.output<typeof keptNote>>
export type KeptDoubt = Kept['doubts'][number]
type KeptLog = Kept['logs'][string]

/** The control plane of this machine is known by its state, whatever port it has; others by their URL. */
export interface WitnessedServer {
  readonly server: string
  readonly local?: { readonly environment: string; readonly statePath: string }
}

/** What there is to keep. */
export interface Sighting {
  readonly publicKey: string
  readonly checkpoints: readonly SignedCheckpoint[]
  /** Kept notes from which the checkpoint of the same log is proven to go on. */
  readonly proven: ReadonlySet<string>
  readonly at: number
  /** Whether the server was asked for all writers. */
  readonly isWhole: boolean
}

/** One an hour, then one a day: a rewriting is found that took place up to so many days ago. */
const EARLIER_HOURS = 48
const EARLIER_DAYS = 60
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** The first ones, since every later rewriting contradicts them too. */
const MAX_UNPROVEN = 20
const MAX_DOUBTS = 100
const MAX_NOTE_LENGTH = 4096

export function witnessPath(terminal: Terminal, witnessed: WitnessedServer): string {
  return join(witnessDirectory(terminal), `${fileName(witnessed)}.json`)
}

function fileName({ server, local }: WitnessedServer): string {
  if (local) return `local_${local.environment}_${shortDigest(local.statePath)}`
  const url = URL.parse(server)
  const port = url?.port || (url?.protocol === 'http:' ? '80' : '443')
  const path = url && url.pathname !== '/' ? `_${shortDigest(url.pathname)}` : ''
  return `${(url?.hostname ?? server).replaceAll(/[^\w.-]/g, '-')}_${port}${path}`
}

const shortDigest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

/** Undefined before the first sighting. Throws `config_invalid` when it is damaged, `state_unsafe`. */
export function readKept(path: string): Kept | undefined {
  const text = readPrivateFile(path)
  if (text === undefined) return undefined
  const { data } = keptSchema.safeParse(parseJson(text))
  if (data && Object.values(data.logs).every(({ note }) => readCheckpoint(note))) return data
  throw new Failure('config_invalid', `${path} is damaged: move it away to begin a new one`)
}

/** Adds what is newer. What was seen under another key is left alone, and so is what is in doubt. */
export function keep(path: string, { server }: WitnessedServer, sighting: Sighting): void {
  change(path, (kept) => {
    const isLeftAlone = kept && (kept.publicKey !== sighting.publicKey || kept.doubts.length > 0)
    return isLeftAlone === true ? kept : merge(kept, server, sighting)
  })
}

/** Adds to what was kept what does not fit it; what never was kept cannot be contradicted. */
export function keepDoubts(path: string, doubts: readonly LastingDoubt[], at: number): void {
  change(path, (kept) => {
    const known = new Set(kept?.doubts.map(nameOf))
    const added = doubts.filter((doubt) => !known.has(nameOf(doubt))).map(brief)
    const all = [...(kept?.doubts ?? []), ...added.map((doubt) => ({ ...doubt, at }))]
    return kept && { ...kept, doubts: all.slice(0, MAX_DOUBTS) }
  })
}

const brief = ({ note, ...doubt }: LastingDoubt): LastingDoubt =>
  note !== undefined && note.length <= MAX_NOTE_LENGTH ? { ...doubt, note } : doubt

function change(path: string, next: (kept: Kept | undefined) => Kept | undefined): void {
  whileLocked(dirname(path), () => {
    const kept = readKept(path)
    const changed = next(kept)
    const isNews = changed && JSON.stringify(changed) !== JSON.stringify(kept)
    if (isNews === true) replaceFile(path, `${JSON.stringify(changed, undefined, 2)}\n`)
  })
}

/** Sets aside what was kept, for a log that was reset on purpose; says where it is now. */
export function forget(path: string, at: number): string {
  const aside = `${path.replace(/\.json$/, '')}.until-${new Date(at).toISOString().replaceAll(/[:.]/g, '')}.json`
  renameSync(path, aside)
  return aside
}

function merge(kept: Kept | undefined, server: string, sighting: Sighting): Kept {
  const { publicKey, checkpoints, at, isWhole } = sighting
  const logs: Record<string, KeptLog> = { ...kept?.logs }
  for (const checkpoint of checkpoints)
    logs[checkpoint.origin] = newer(logs[checkpoint.origin], checkpoint, sighting)
  const listedAt = isWhole ? at : (kept?.listedAt ?? 0)
  return { server, publicKey, listedAt, logs, doubts: [] }
}

function newer(
  log: KeptLog | undefined,
  { note, size }: SignedCheckpoint,
  { at, proven }: Sighting,
): KeptLog {
  if (!log) return { note, seenAt: at, earlier: [] }
  if ((readCheckpoint(log.note)?.size ?? 0) >= size) return log
  const { earlier, ...last } = log
  const before = [...earlier, { ...last, isUnproven: true as const }]
  const linked = before.map((one) => (proven.has(one.note) ? linkedNote(one) : one))
  return { note, seenAt: at, earlier: thinned(linked, at) }
}

const linkedNote = ({ note, seenAt }: KeptNote): KeptNote => ({ note, seenAt })

/** All that nothing links to later ones, and the last one of each hour, or of each day before. */
function thinned(notes: readonly KeptNote[], at: number): readonly KeptNote[] {
  const unproven = notes.filter(({ isUnproven }) => isUnproven === true).slice(0, MAX_UNPROVEN)
  const lastOf = new Map(
    notes
      .filter(({ isUnproven }) => isUnproven !== true)
      .map((one) => [spanOf(one.seenAt, at), one]),
  )
  const linked = [...lastOf.values()].slice(-(EARLIER_HOURS + EARLIER_DAYS))
  return [...unproven, ...linked].sort((one, other) => one.seenAt - other.seenAt)
}

function spanOf(seenAt: number, at: number): string {
  const isRecent = at - seenAt < EARLIER_HOURS * HOUR_MS
  return isRecent ? `hour ${Math.floor(seenAt / HOUR_MS)}` : `day ${Math.floor(seenAt / DAY_MS)}`
}

function witnessDirectory(terminal: Terminal): string {
  return join(configurationHome(terminal), 'checkpoints')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
