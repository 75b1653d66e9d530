/** One environment's state, opened: lock, keys, database, gate, journal, credentials, in that order. */

import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { systemNow } from '../base/clock.ts'
import { newRequestId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import { createGate, type SingleGate } from '../fleet/gate.ts'
import { readServerKeys, type ServerKeys } from '../state-dir/key-files.ts'
import type { Checkpoints } from '../audit/checkpoints.ts'
import type { StateDirectory } from '../state-dir.ts'
import { openVersionFloor, type VersionFloor } from '../secret-stores/version-floor.ts'
import { openJournal, type Journal } from '../storage/journal/journal.ts'
import { openDatabase } from '../storage/sqlite/database.ts'
import { openCheckpoints } from '../storage/journal/checkpoint-files.ts'
import { lastWriteAt, newestRecordAt } from '../storage/journal/retire.ts'
import { listWriters } from '../storage/journal/segment.ts'
import { lockState } from '../storage/sqlite/lock.ts'
import { awaitFormerWorkers } from '../storage/sqlite/worker-lock.ts'
import { createSqliteStores, type Stores } from '../storage/sqlite/stores.ts'
import { createTokenDigest } from '../token/digest.ts'
import { deriveKeys, type DerivedKeys } from '../token/keys.ts'
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config.ts'
import { ensureFirstOperator, takeInbox } from './arrivals.ts'
import { logName, publishAuditKey } from './audit-key.ts'
import { openAuditIndex, type ThreadedAuditIndex } from './audit-index.ts'
import { openCredentials, type Credentials } from './credentials.ts'
import { openTokenDesk } from './minting.ts'
import type { LiveSettings } from './settings.ts'

export interface OpenState {
  readonly keys: ServerKeys
  readonly derived: DerivedKeys
  readonly digest: (token: string) => string
  readonly stores: Stores
  readonly gate: SingleGate
  readonly journal: Journal
  /** When a process before this one last wrote to the audit; epoch milliseconds. */
  readonly lastAuditAt: number | undefined
  readonly index: ThreadedAuditIndex
  readonly checkpoints: Checkpoints
  readonly credentials: Credentials
  /** What was opened of each secret, which no process may fall below. */
  readonly versions: VersionFloor
  /** The variables that `env:` references may read; they are no longer in the environment. */
  readonly sources: Readonly<Record<string, string | undefined>>
  /** Everything that is buffered is written before the lock goes. */
  close(): Promise<void>
}

export interface StateParts {
  readonly directory: StateDirectory
  readonly settings: LiveSettings
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** Processes of the data plane; 1: this one. */
  readonly workers: number
}

/** The part of the audit that this process writes. */
const WRITER = 'local'

/** Those of the workers: the same names at each start, so that a successor closes what was left open. */
export const workerWriter = (number: number): string => `worker-${number}`

/** Throws `state_locked` naming the owner when another process has it; nothing stays open then. */
export async function openState(parts: StateParts): Promise<OpenState> {
  const closers: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return { ...(await openAll(parts, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openAll(
  parts: StateParts,
  closers: (() => unknown)[],
): Promise<Omit<OpenState, 'close'>> {
  const { directory, settings, env, log } = parts
  const { config } = settings.current
  closers.push(takeLock(directory, config))
  awaitFormerWorkers(directory.path)
  const keys = await readServerKeys(directory)
  const derived = deriveKeys(keys.grantMac)
  const digest = createTokenDigest(derived.digest)
  const stores = openStores(parts, derived, closers)
  const gate = createGate()
  for (const revocation of await stores.revocations.since(0)) gate.apply(revocation)
  const publicKey = publishAuditKey(directory.audit, config.environment, keys.auditSigning)
  const lastAuditAt = await lastWriteAt(directory.audit)
  const journal = await openOwnAudit(parts, { ...derived, signing: keys.auditSigning })
  closers.push(() => journal.close())
  const { sealers } = config.vault
  const { operators, sealed } = stores
  await takeInbox(directory, { sealed, sealers, audit: journal, now: systemNow, log })
  await ensureFirstOperator(directory, { operators, audit: journal, digest, now: systemNow, log })
  const versions = await openVersionFloor({ path: directory.versions })
  const sources = takeSources(env, config.environmentSources)
  const own = { keys, derived, stores, journal, versions, sources }
  const credentials = openOwnCredentials(parts, own)
  closers.push(() => credentials.close())
  const index = openAuditIndex({
    ...{ directory: directory.audit, path: directory.auditIndex, log },
    watch: config.alerts.watch,
  })
  closers.push(() => index.close())
  return {
    ...{ keys, derived, digest, stores, gate, journal, lastAuditAt, index },
    checkpoints: checkpointsOf(directory.audit, publicKey, journal),
    ...{ credentials, versions, sources },
  }
}

function openOwnCredentials(
  { directory, settings, log }: StateParts,
  own: Pick<OpenState, 'keys' | 'derived' | 'stores' | 'journal' | 'versions' | 'sources'>,
): Credentials {
  const { sealed } = own.stores
  const { identity } = own.keys.vault
  const desk = { directory, settings, log, sealed, identity, audit: own.journal }
  return openCredentials({
    ...{ settings, sealed, identity, log, now: systemNow },
    ...{ versions: own.versions, environment: own.sources, hashKey: own.derived.auditHash },
    openDesk: (stored, mounted) => openTokenDesk(desk, stored, mounted),
  })
}

function openStores(
  { directory, log }: StateParts,
  { grantRow }: DerivedKeys,
  closers: (() => unknown)[],
): Stores {
  const database = openDatabase({ path: directory.database })
  closers.push(() => {
    database.close()
  })
  return createSqliteStores(database, { macKey: grantRow, log })
}

/** Returns how to give it back. */
function takeLock(directory: StateDirectory, { environment, data, control }: Config): () => void {
  const lock = lockState(directory.path, {
    pid: process.pid,
    command: `serve --env ${environment}`,
    data: formatAddress(data.listen),
    control: formatAddress(control.listen),
  })
  return () => {
    lock.release()
  }
}

/** This process's journal, with the ones behind it made sound that nobody will write any more. */
async function openOwnAudit(
  parts: StateParts,
  { auditHash, signing }: Pick<DerivedKeys, 'auditHash'> & { readonly signing: KeyObject },
): Promise<Journal> {
  const { directory, settings, log, workers } = parts
  const isShared = workers > 1
  const audit = { directory, settings, log, hashKey: auditHash, signing, isShared }
  const live = workers > 1 ? workers : 0
  for (const writer of await listWriters(directory.audit)) {
    const number = /^worker-(?<number>\d+)$/.exec(writer)?.groups?.['number']
    if (number !== undefined && Number(number) > live) await settleAudit({ ...audit, writer })
  }
  return openAudit({ ...audit, writer: WRITER })
}

/**
 * Makes a part of the audit sound that nobody writes any more. Its newest segment always stays, so
 * that one that is too old gets a successor.
 */
async function settleAudit(parts: AuditParts): Promise<void> {
  const { directory, settings, writer } = parts
  const { retentionSeconds = Number.POSITIVE_INFINITY } = settings.current.config.audit
  const newestAt = await newestRecordAt(directory.audit, writer)
  const journal = await openAudit(parts)
  if (newestAt !== undefined && newestAt < systemNow() - retentionSeconds * 1000)
    await journal.change({
      ...{ at: systemNow(), requestId: newRequestId(), operator: 'system', source: 'local' },
      ...{ action: 'audit.continue', target: writer, details: {}, result: 'done' },
    })
  await journal.close()
}

function checkpointsOf(directory: string, publicKey: string, journal: Journal): Checkpoints {
  const newest = () => journal.checkpoint()
  return openCheckpoints({ directory, publicKey, writer: WRITER, newest })
}

export interface AuditParts extends Pick<StateParts, 'directory' | 'settings' | 'log'> {
  readonly writer: string
  readonly hashKey: KeyObject
  /** Signs the checkpoints. */
  readonly signing: KeyObject
  /** Whether other processes write to the same directory. */
  readonly isShared: boolean
}

export function openAudit(parts: AuditParts): Promise<Journal> {
  const { directory, settings, log, writer, hashKey, signing, isShared } = parts
  const { config } = settings.current
  return openJournal({
    directory: directory.audit,
    environment: config.environment,
    ...{ writer, hashKey, log, now: systemNow },
    pathPatterns: (service) => settings.current.catalog.services.get(service)?.redact.path ?? [],
    sign: { key: signing, origin: `${logName(config.environment)}/${writer}` },
    sealPath: join(directory.auditSeals, writer),
    quotaBytes: config.audit.quotaBytes,
    isQuotaShared: isShared,
  })
}

/**
 * A copy of the listed variables, which are then taken out of this process's own environment: no
 * library, crash report or child process finds them there. What `ps e` shows stays until the end.
 */
function takeSources(
  env: StateParts['env'],
  names: readonly string[],
): Record<string, string | undefined> {
  const sources = Object.fromEntries(names.map((name) => [name, env[name]]))
  for (const name of names) Reflect.deleteProperty(process.env, name)
  return sources
}
