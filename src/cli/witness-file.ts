/**
 * What this operator has seen of servers' audits: one file for each server, the newest checkpoint of
 * each writer and one of each day before. Commands may run side by side: nothing is replaced by less.
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
import { whileLocked } from './witness-lock.ts'

const keptNote = z.object({ note: z.string(), seenAt: z.int() })
const keptSchema = z.object({
  server: z.string(),
  /** The first that was seen, in C2SP form. */
  publicKey: z.string(),
  /** When the server was last asked for the checkpoints of all its writers. */
  listedAt: z.int(),
  /** By origin. */
  logs: z.record(z.string(), keptNote.extend({ earlier: z.array(keptNote).readonly() })),
})

export type Kept = Readonly<z.infer<typeof keptSchema>>
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
  readonly at: number
  /** Whether the server was asked for all writers. */
  readonly isWhole: boolean
}

/** With one a day, a rewriting is found that took place up to so many days ago. */
const EARLIER_DAYS = 60
const DAY_MS = 86_400_000

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

/** Adds what is newer. What was seen under another key is left alone. */
export function keep(path: string, { server }: WitnessedServer, sighting: Sighting): void {
  whileLocked(dirname(path), () => {
    const kept = readKept(path)
    if (kept && kept.publicKey !== sighting.publicKey) return
    const merged = merge(kept, server, sighting)
    const isNews = JSON.stringify(merged) !== JSON.stringify(kept)
    if (isNews) replaceFile(path, `${JSON.stringify(merged, undefined, 2)}\n`)
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
    logs[checkpoint.origin] = newer(logs[checkpoint.origin], checkpoint, at)
  return { server, publicKey, listedAt: isWhole ? at : (kept?.listedAt ?? 0), logs }
}

/** The last one of a day stays, when the first of another day takes its place. */
function newer(log: KeptLog | undefined, { note, size }: SignedCheckpoint, at: number): KeptLog {
  if (!log) return { note, seenAt: at, earlier: [] }
  if ((readCheckpoint(log.note)?.size ?? 0) >= size) return log
  const { earlier, ...last } = log
  const isOfToday = Math.floor(last.seenAt / DAY_MS) === Math.floor(at / DAY_MS)
  const days = isOfToday ? earlier : [...earlier, last].slice(-EARLIER_DAYS)
  return { note, seenAt: at, earlier: days }
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
