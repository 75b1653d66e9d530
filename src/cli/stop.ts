/** `stop`: ends the background service gracefully. Stopping what does not run is done. */

import type { Command } from 'commander'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { waitForEnd } from './background.ts'
import type { Runner } from './command.ts'
import { findRunning } from './running.ts'
import { answer, loadLocal, type Session } from './session.ts'

const MARGIN_MS = 10_000

export function registerStop(program: Command, runs: Runner): void {
  const command = program
    .command('stop')
    .description('stop it; requests in flight may end first (limits.stop_grace)')
  runs(command, z.object({}), ({ session }) => stop(session))
}

async function stop(session: Session): Promise<void> {
  const { config, state } = loadLocal(session)
  const found = await findRunning(state)
  if (found.state === 'stopped') {
    answer(session, { stopped: false }, `${config.environment} is not running`)
    return
  }
  const { pid } = found.run
  if (found.state === 'doubtful')
    throw new Failure(
      'refused',
      `process ${pid} was not signalled, because it cannot be made sure of (${found.why}): look at it with \`ps -p ${pid}\``,
    )
  process.kill(pid, 'SIGTERM')
  if (!(await waitForEnd(pid, config.limits.stopGraceSeconds * 1000 + MARGIN_MS)))
    throw new Failure('refused', `process ${pid} is still stopping: see \`apistronghold logs\``)
  answer(session, { stopped: true, pid }, `${config.environment} stopped (pid ${pid})`)
}
