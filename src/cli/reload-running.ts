/**
 * Has the service on this machine read its files again after a command has changed them: in the name
 * of the operator where that can be, else by a signal, which says nobody's name.
 */

import { ApiError } from '../../sdk/src/client.ts'
import type { StateDirectory } from '../state-dir.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { Run } from '../state-dir/run-file.ts'
import { findRunning, operatorClientOf, signalRunning } from './running.ts'
import type { Session } from './session.ts'

/** Says whether there was one to be told. */
export async function reloadRunning(session: Session, state: StateDirectory): Promise<boolean> {
  const found = await findRunning(state)
  if (found.state !== 'running') return false
  const isAsked = await reloadInName(session, state, found.run)
  return isAsked || (await signalRunning(state, 'SIGHUP'))
}

/** False where no key is at hand, where it may not, or where the control plane cannot do it. */
async function reloadInName(session: Session, state: StateDirectory, run: Run): Promise<boolean> {
  try {
    const key = operatorKey(session, state)
    if (key === undefined) return false
    await operatorClientOf(session, { state }, { run, key }).reload()
    return true
  } catch (error) {
    // It has read the files and will not have them: a signal would only ask the same again.
    return error instanceof ApiError && error.code === 'configuration_invalid'
  }
}

/** That of the variable, unless it is for a server elsewhere; else that of this machine. */
function operatorKey({ terminal: { env } }: Session, state: StateDirectory): string | undefined {
  const named = env.APISTRONGHOLD_URL ? undefined : env.APISTRONGHOLD_OPERATOR_KEY
  return named || readLocalOperator(state)?.key
}
