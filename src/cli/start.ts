/** `start`: the background service of an environment. Starting twice is done. */

import type { Command } from 'commander'
import { z } from 'zod'
import { openStateDirectory } from '../state-dir.ts'
import type { Run } from '../state-dir/run-file.ts'
import { startBackground } from './background.ts'
import type { Runner } from './command.ts'
import { answer, loadLocal, withWorkers, type Session } from './session.ts'

export function registerStart(program: Command, runs: Runner): void {
  const command = program
    .command('start')
    .description('start the proxy in the background')
    .option('--workers <number>', 'processes that serve the data plane, or auto: one for each core')
  runs(command, z.object({ workers: z.string().optional() }), ({ session, options }) =>
    start(withWorkers(session, options.workers)),
  )
}

async function start(session: Session): Promise<void> {
  const local = loadLocal(session)
  openStateDirectory(local.state, local.config.environment)
  const { run, isNew } = await startBackground(session, local)
  const words = isNew ? describeRun(run) : `${describeRun(run)}: it was running already`
  answer(session, { ...run, started: isNew }, words)
}

export function describeRun({ environment, data, control, pid }: Run): string {
  return `${environment} is running: data plane ${data}, control plane ${control} (pid ${pid})`
}
