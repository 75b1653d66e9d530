/**
 * The state directory: where it is, what is in it, and that it is nobody else's.
 *
 * Everything that must not be in the configuration lives here: keys, database, audit, logs. All
 * directories are 0700 and all files 0600, whatever the umask; one that is not is refused.
 */

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Failure, systemErrorCode } from './base/errors.ts'
import { sweepLeftovers, syncDirectory, writeOnce } from './state-dir/durable-file.ts'
import { assertPrivateDirectory, assertPrivateFile, readPrivateFile } from './state-dir/privacy.ts'

export interface StatePlace {
  /** `auto`, or an absolute path that somebody chose. */
  readonly configured: string
  /** The configuration file; absolute. */
  readonly configPath: string
  readonly environment: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Effective user id; undefined where the system has none. */
  readonly uid: number | undefined
}

/** Every path below the state directory that more than one part knows. */
export interface StateDirectory {
  readonly path: string
  readonly lock: string
  readonly database: string
  readonly keys: string
  readonly audit: string
  readonly auditIndex: string
  /** What each writer of the audit signed last: apart from the audit, so that one alone tells of the other. */
  readonly auditSeals: string
  readonly run: string
  readonly runFile: string
  readonly logs: string
  readonly logFile: string
  /** Older lines of the log. */
  readonly formerLogFile: string
  readonly inbox: string
  readonly vault: string
  readonly versions: string
  /** What of the settings is on the record. */
  readonly settings: string
}

/**
 * Never where agents look: `auto` is /var/lib/apistronghold/<env> for root, else below the user's
 * state home. Throws `state_unsafe` when that is inside a git work tree; a chosen path may be.
 */
export function locateStateDirectory(place: StatePlace): StateDirectory {
  const { configured, environment, uid } = place
  if (configured !== 'auto') return stateDirectoryAt(configured)
  if (uid === 0) return stateDirectoryAt(join('/var/lib/apistronghold', environment))
  const path = join(stateHome(place), 'apistronghold', projectName(place), environment)
  const workTree = workTreeAround(path)
  if (workTree !== undefined)
    throw new Failure(
      'state_unsafe',
      `the state directory would be inside the git work tree ${workTree}: choose a place with --state-dir`,
    )
  return stateDirectoryAt(path)
}

export function stateDirectoryAt(path: string): StateDirectory {
  return {
    path,
    lock: join(path, 'lock.db'),
    database: join(path, 'database.sqlite'),
    keys: join(path, 'keys'),
    audit: join(path, 'audit'),
    auditIndex: join(path, 'audit-index.db'),
    auditSeals: join(path, 'audit-seals'),
    run: join(path, 'run'),
    runFile: join(path, 'run', 'serve.json'),
    logs: join(path, 'logs'),
    logFile: join(path, 'logs', 'serve.log'),
    formerLogFile: join(path, 'logs', 'serve.log.1'),
    inbox: join(path, 'inbox'),
    vault: join(path, 'vault'),
    versions: join(path, 'vault', 'versions.json'),
    settings: join(path, 'settings.json'),
  }
}

/**
 * Makes what is missing and leaves the rest alone; safe to repeat after any interruption.
 * Throws `state_unsafe` when something there is open to others or another environment's.
 */
export function createStateDirectory(state: StateDirectory, environment: string): void {
  makePrivateDirectory(state.path)
  for (const directory of foldersOf(state)) makePrivateDirectory(directory)
  for (const directory of [state.keys, state.inbox]) sweepLeftovers(directory)
  writeOnce(markerOf(state), `${environment}\n`)
  openStateDirectory(state, environment)
}

/** Throws `key_missing` when it was never made, `state_unsafe` when it must not be used. */
export function openStateDirectory(state: StateDirectory, environment: string): void {
  if (!lstatSync(state.path, { throwIfNoEntry: false }))
    throw new Failure(
      'key_missing',
      `the state directory ${state.path} is not there: run \`apistronghold init --env ${environment}\``,
    )
  assertPrivateDirectory(state.path)
  for (const folder of foldersOf(state)) if (existsSync(folder)) assertPrivateDirectory(folder)
  for (const file of filesOf(state)) assertPrivateFile(file)
  assertEnvironment(state, environment)
}

/** One directory serves one environment: two would share keys and tokens. */
function assertEnvironment(state: StateDirectory, environment: string): void {
  const owner = readPrivateFile(markerOf(state))?.trim()
  if (owner !== undefined && owner !== environment)
    throw new Failure(
      'state_unsafe',
      `the state directory ${state.path} belongs to the environment ${owner}, not to ${environment}: choose another with --state-dir`,
    )
}

const markerOf = (state: StateDirectory): string => join(state.path, 'environment')

function foldersOf(state: StateDirectory): string[] {
  const { keys, audit, auditSeals, run, logs, inbox, vault } = state
  return [keys, audit, auditSeals, run, logs, inbox, vault]
}

/** The files whose exposure would matter most; the directories above already close the others. */
function filesOf(state: StateDirectory): string[] {
  const folders = [state.path, state.keys, state.inbox, state.vault, state.run, state.logs]
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(folder, entry.name)),
    )
}

/** With its parents; one that is there is left as it is. */
export function makePrivateDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })) return
  makePrivateDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return // another set-up was quicker
    throw error
  }
  chmodSync(path, 0o700) // a strict umask may have taken our own bits away
  syncDirectory(dirname(path))
}

function stateHome({ env }: StatePlace): string {
  const chosen = env.XDG_STATE_HOME
  // The XDG specification says that a relative path is to be ignored.
  if (chosen?.startsWith('/')) return chosen
  return join(env.HOME || homedir(), '.local', 'state')
}

/** Readable, and different for two configurations of the same folder name. */
function projectName({ configPath }: StatePlace): string {
  const folder = basename(dirname(configPath)).replaceAll(/[^\w.-]/g, '-') || 'root'
  return `${folder}-${createHash('sha256').update(configPath).digest('hex').slice(0, 8)}`
}

function workTreeAround(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}
