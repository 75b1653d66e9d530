/** One environment's state, opened: lock, keys, database, gate, journal, credentials, in that order. */

import { systemNow } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { createGate, type SingleGate } from '../fleet/gate.ts'
import { readServerKeys, type ServerKeys } from '../state-dir/key-files.ts'
import type { StateDirectory } from '../state-dir.ts'
import { createJournalReader } from '../storage/journal/reader.ts'
import { openJournal, type Journal } from '../storage/journal/journal.ts'
import type { AuditReader } from '../audit/audit-reader.ts'
import { openDatabase } from '../storage/sqlite/database.ts'
import { lockState } from '../storage/sqlite/lock.ts'
import { createSqliteStores, type Stores } from '../storage/sqlite/stores.ts'
import { createTokenDigest } from '../token/digest.ts'
import { deriveKeys, type DerivedKeys } from '../token/keys.ts'
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config.ts'
import { ensureFirstOperator, takeInbox } from './arrivals.ts'
import { openCredentials, type Credentials } from './credentials.ts'
import type { LiveSettings } from './settings.ts'

export interface OpenState {
  readonly keys: ServerKeys
  readonly derived: DerivedKeys
  readonly digest: (token: string) => string
  readonly stores: Stores
  readonly gate: SingleGate
  readonly journal: Journal
  readonly reader: AuditReader
  readonly credentials: Credentials
  /** Everything that is buffered is written before the lock goes. */
  close(): Promise<void>
}

export interface StateParts {
  readonly directory: StateDirectory
  readonly settings: LiveSettings
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

/** One process writes here; a fleet will give each replica its name. */
const WRITER = 'local'

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
  { directory, settings, env, log }: StateParts,
  closers: (() => unknown)[],
): Promise<Omit<OpenState, 'close'>> {
  const { config } = settings.current
  closers.push(takeLock(directory, config))
  const keys = await readServerKeys(directory)
  const derived = deriveKeys(keys.grantMac)
  const digest = createTokenDigest(derived.digest)
  const database = openDatabase({ path: directory.database })
  closers.push(() => {
    database.close()
  })
  const stores = createSqliteStores(database, { macKey: derived.grantRow, log })
  const gate = createGate()
  for (const revocation of await stores.revocations.since(0)) gate.apply(revocation)
  const journal = await openAudit({ directory, settings, env, log }, derived)
  closers.push(() => journal.close())
  const { sealers } = config.vault
  await takeInbox(directory, { sealed: stores.sealed, sealers, now: systemNow, log })
  await ensureFirstOperator(directory, { operators: stores.operators, digest, now: systemNow, log })
  const credentials = await openCredentials({
    settings,
    sealed: stores.sealed,
    identity: keys.vault.identity,
    versionsPath: directory.versions,
    hashKey: derived.auditHash,
    environment: takeSources(env, config.environmentSources),
    log,
    now: systemNow,
  })
  const reader = createJournalReader({ directory: directory.audit, now: systemNow })
  return { keys, derived, digest, stores, gate, journal, reader, credentials }
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

function openAudit(
  { directory, settings, log }: StateParts,
  { auditHash: hashKey }: DerivedKeys,
): Promise<Journal> {
  const { config } = settings.current
  return openJournal({
    directory: directory.audit,
    environment: config.environment,
    writer: WRITER,
    hashKey,
    log,
    now: systemNow,
    pathPatterns: (service) => settings.current.catalog.services.get(service)?.redact.path ?? [],
    quotaBytes: config.audit.quotaBytes,
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
