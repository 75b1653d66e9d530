/** The background service: spawned with a cleaned environment, watched until it is ready or dead. */

import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../base/errors.ts'
import type { StateDirectory } from '../state-dir.ts'
import { readLockOwner, readRun, type Run } from '../state-dir/run-file.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { clientOf, findRunning, isOwnProcess } from './running.ts'
import { overridesOf, type Local, type Session } from './session.ts'

const READY_TIMEOUT_MS = 20_000
const POLL_MS = 40
const SHOWN_LOG_BYTES = 4000

/** What a server needs of the caller's environment; secrets of the shell are not among it. */
const KEPT_VARIABLES =
  /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|APISTRONGHOLD_\w+)$/
/** What the AWS SDK's credential chain goes by, where that store is used. */
const AWS_VARIABLES = /^AWS_[A-Z0-9_]+$/
const NEVER_KEPT = new Set(['APISTRONGHOLD_OPERATOR_KEY', 'APISTRONGHOLD_URL'])

export interface Started {
  readonly run: Run
  /** False when it was running already. */
  readonly isNew: boolean
}

/** Starts the service and waits until both planes answer. Throws `listen_failed` with its last words. */
export async function startBackground(session: Session, local: Local): Promise<Started> {
  const found = await findRunning(local.state)
  if (found.state === 'running') return { run: found.run, isNew: false }
  if (found.state === 'doubtful')
    throw new Failure(
      'refused',
      `process ${found.run.pid} serves this state directory and cannot be made sure of (${found.why}): stop it first`,
    )
  const server = spawnServer(session, local)
  const run = await readiness(local.state, () => (server.hasEnded() ? undefined : server.pid))
  if (run) return { run, isNew: true }
  // Another one was starting when ours came, and has the directory: as after an `init` that was killed.
  const others = await readiness(local.state, () => lockHolder(local.state, server.pid))
  if (others) return { run: others, isNew: false }
  const why = server.hasEnded() ? 'did not start' : 'did not become ready in time and was stopped'
  server.stop()
  throw new Failure(
    'listen_failed',
    `the service ${why}; its last words (${local.state.logFile}):\n${server.lastWords()}`,
  )
}

interface SpawnedServer {
  readonly pid: number | undefined
  hasEnded(): boolean
  stop(): void
  lastWords(): string
}

function spawnServer(session: Session, local: Local): SpawnedServer {
  const { config, state } = local
  const log = openLog(state.logFile)
  const before = fstatSync(log).size
  const args = ['serve', '--config', config.path, '--env', config.environment]
  const child = spawn(process.execPath, [...NODE_FLAGS, executable(), ...args], {
    cwd: state.path,
    detached: true,
    env: { ...cleanEnvironment(session, local), ...overridesOf(session) },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  child.on('error', () => undefined) // then it has no process id, and has ended
  return {
    pid: child.pid,
    hasEnded: () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    stop: () => child.kill('SIGTERM'),
    lastWords: () => readLogTail(state.logFile, before),
  }
}

/** Waits until the process answers on both planes; undefined when it is gone, or takes too long. */
async function readiness(
  state: StateDirectory,
  pidOf: () => number | undefined,
): Promise<Run | undefined> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  for (let pid = pidOf(); pid !== undefined && Date.now() < deadline; pid = pidOf()) {
    const run = readRun(state)
    if (run?.pid === pid && (await isReady(run))) return run
    await sleep(POLL_MS)
  }
  return undefined
}

/** A process of ours, other than this one, that has the directory. */
function lockHolder(state: StateDirectory, except: number | undefined): number | undefined {
  const pid = readLockOwner(state)
  return pid !== undefined && pid !== except && isOwnProcess(pid) ? pid : undefined
}

async function isReady(run: Run): Promise<boolean> {
  try {
    return (await clientOf(run).ready()).ready
  } catch {
    return false // not listening yet
  }
}

/** The kept part of the caller's environment, and the variables that `env:` references may read. */
function cleanEnvironment(
  { terminal: { env } }: Session,
  { config }: Local,
): Record<string, string | undefined> {
  const sources = new Set(config.environmentSources)
  const isForAws = (name: string) => config.stores.awsSm !== undefined && AWS_VARIABLES.test(name)
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        sources.has(name) || isForAws(name) || (KEPT_VARIABLES.test(name) && !NEVER_KEPT.has(name)),
    ),
  )
}

/** `bin/apistronghold.js`, from src/cli/ or from dist/src/cli/. */
export function executable(): string {
  const candidates = ['../..', '../../..'].map((up) =>
    join(import.meta.dirname, up, 'bin', 'apistronghold.js'),
  )
  const [first = ''] = candidates
  return candidates.find((path) => existsSync(path)) ?? first
}

function openLog(path: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  const log = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
  fchmodSync(log, 0o600)
  return log
}

/** The last lines since `from`, without a line that was cut. */
function readLogTail(path: string, from: number): string {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const begin = from > size ? 0 : from // it was cut meanwhile
    const start = Math.max(begin, size - SHOWN_LOG_BYTES)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    readSync(file, bytes, 0, bytes.length, start)
    const text = bytes.toString('utf8').trimEnd()
    return start > begin ? text.slice(text.indexOf('\n') + 1) : text
  } finally {
    closeSync(file)
  }
}

/** Waits until the process is gone; false when it takes longer. */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline) {
    if (!isOwnProcess(pid)) return true
    await sleep(POLL_MS)
  }
  return false
}
