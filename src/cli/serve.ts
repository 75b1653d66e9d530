/**
 * `serve`: both planes in the foreground. `serve --env development` sets that environment up when
 * it is not there, so that a fresh clone needs nothing but `npm start`.
 */

import type { Command } from 'commander'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { initialise, plainWishes } from './init.ts'
import { isInitialised } from './init-plan.ts'
import { nextSteps } from './next-steps.ts'
import { configRequest, loadLocal, withVariables, withWorkers, type Session } from './session.ts'
import { describeRun } from './start.ts'

const DEVELOPMENT = 'development'
const options = z.object({
  insecurePlaintext: z.boolean().optional(),
  workers: z.string().optional(),
})

export function registerServe(program: Command, runs: Runner): void {
  const command = program
    .command('serve')
    .description('run both planes in the foreground')
    .option('--workers <number>', 'processes that serve the data plane, or auto: one for each core')
    .option('--insecure-plaintext', 'listen beyond loopback without TLS: something else ends it')
  runs(command, options, serve)
}

async function serve({ session: given, options: asked }: Call<z.output<typeof options>>) {
  const session = withWorkers(
    asked.insecurePlaintext ? withVariables(given, PLAINTEXT) : given,
    asked.workers,
  )
  if (session.shared.env === DEVELOPMENT && !isInitialised(session)) await prepare(session)
  const { runServer } = await import('../main.ts')
  const { state } = loadLocal(session)
  const server = await runServer({
    settings: configRequest(session),
    state,
    env: session.terminal.env,
    isVerbose: session.shared.verbose ?? false,
  })
  // The greeting asks the server itself, which may be told to stop meanwhile: that is no failure.
  await welcome(session, server.run).catch(() => undefined)
  if ((await server.closed) !== 0)
    throw new Failure('refused', 'the server did not end as it should: the log says why')
}

const PLAINTEXT = {
  APISTRONGHOLD_DATA_INSECURE_PLAINTEXT: 'true',
  APISTRONGHOLD_CONTROL_INSECURE_PLAINTEXT: 'true',
}

async function prepare(session: Session): Promise<void> {
  const wishes = { ...plainWishes(DEVELOPMENT), isDefault: false, isStarting: false }
  const { changes } = await initialise(session, wishes)
  for (const change of changes) session.terminal.note(change)
}

type Run = Parameters<typeof describeRun>[0]

/** On standard error, beside the log: nothing here is for a pipe. */
async function welcome(session: Session, run: Run): Promise<void> {
  const { terminal } = session
  terminal.note(describeRun(run))
  if (session.shared.env !== DEVELOPMENT && !terminal.isInteractive) return
  const local = loadLocal(session)
  const { lines } = await nextSteps(session, local, { run, flag: environmentFlag(session) })
  terminal.note(`\nNext, in another terminal:\n${lines.map((line) => `  ${line}`).join('\n')}\n`)
}

/** What later commands must say, where the configuration prefers another environment. */
function environmentFlag(session: Session): string {
  const { environment } = loadLocal(session).config
  const usual = loadLocal({ ...session, shared: { ...session.shared, env: undefined } })
  return usual.config.environment === environment ? '' : ` --env ${environment}`
}
