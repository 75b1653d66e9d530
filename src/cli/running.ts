/** The process that serves a state directory: found, made sure of, told about changes. */

import { createClient, type Client, type ClientOptions } from '../../sdk/src/client.ts'
import { systemErrorCode } from '../base/errors.ts'
import type { StateDirectory } from '../state-dir.ts'
import { readRun, type Run } from '../state-dir/run-file.ts'
import type { Local, Session } from './session.ts'
import type { WitnessedServer } from './witness-file.ts'

export type Found =
  | { readonly state: 'stopped' }
  /** Alive and ours, and the control plane that answers is its own. */
  | { readonly state: 'running'; readonly run: Run }
  /** The process is there, but what it wrote cannot be made sure of. */
  | { readonly state: 'doubtful'; readonly run: Run; readonly why: string }

const ASK_TIMEOUT_MS = 2000

/**
 * The run file outlives a kill, and its process id and port may belong to others by now: the
 * operator key is only sent, and a signal only given, after this has said `running`.
 */
export async function findRunning(state: StateDirectory): Promise<Found> {
  const run = readRun(state)
  if (!run || !isOwnProcess(run.pid)) return { state: 'stopped' }
  const why = await doubtAbout(run)
  return why === undefined ? { state: 'running', run } : { state: 'doubtful', run, why }
}

/** Sends the signal if it really is our process that gets it; says whether it did. */
export async function signalRunning(
  state: StateDirectory,
  signal: NodeJS.Signals,
): Promise<boolean> {
  const found = await findRunning(state)
  if (found.state !== 'running') return false
  process.kill(found.run.pid, signal)
  return true
}

export function clientOf(run: Run, key?: string): Client {
  return createClient({ ...optionsFor(run), key })
}

/** An operator's client of this machine's own control plane. */
export function operatorClientOf(
  { witness }: Session,
  local: Pick<Local, 'state'>,
  { run, key }: { readonly run: Run; readonly key: string | undefined },
): Client {
  return witness.createClient(witnessedHere(local, run), { ...optionsFor(run), key })
}

/** Its log is that of its state, whatever port it has. */
export function witnessedHere(
  { state }: Pick<Local, 'state'>,
  { control, environment }: Run,
): WitnessedServer {
  return { server: reachable(control), local: { environment, statePath: state.path } }
}

/** The run file is private to us: its address is one of this machine, its certificate the server's. */
function optionsFor({ control, controlCertificate }: Run): ClientOptions {
  return {
    url: reachable(control),
    allowPlaintext: true,
    certificateSha256: controlCertificate,
  }
}

/** An address that can be dialled: a listener on all interfaces is reached over loopback. */
export function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

/** Alive, and we may signal it: it runs as this user. */
export function isOwnProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return false
  }
}

async function doubtAbout(run: Run): Promise<string | undefined> {
  const client = createClient({ ...optionsFor(run), timeoutMs: ASK_TIMEOUT_MS })
  try {
    const { pid, startedAt, environment } = await client.live()
    // Listeners beyond loopback see us as a caller from the network and say nothing of themselves.
    if (pid === undefined) return undefined
    const isSame = pid === run.pid && startedAt === run.startedAt && environment === run.environment
    return isSame ? undefined : 'another process answers in its place'
  } catch (error) {
    return error instanceof Error ? error.message : 'it does not answer'
  }
}
