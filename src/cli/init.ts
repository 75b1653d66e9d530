/**
 * `init`: keys, configuration, secrets, and a running service, from options or from a dialogue.
 * Everything is checked before anything is written; running it again completes or changes nothing.
 */

import type { Command } from 'commander'
import { userInfo } from 'node:os'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { loadCatalog } from '../catalog-files.ts'
import { defaultListeners } from '../config/listeners.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import type { Run } from '../state-dir/run-file.ts'
import { takeTurn } from '../state-dir/turn.ts'
import { startBackground, type Started } from './background.ts'
import { collect, type Call, type Runner } from './command.ts'
import { openCatalog } from './config-file.ts'
import { isInitialised, planInit, problemWith, type InitWishes } from './init-plan.ts'
import { askWishes, type Ground } from './init-questions.ts'
import { INIT_STEPS } from './init-steps.ts'
import { nextSteps } from './next-steps.ts'
import {
  answer,
  configPath,
  inEnvironment,
  loadLocal,
  type Local,
  type Session,
} from './session.ts'
import { describeRun } from './start.ts'
import { enablingCommand, systemdUnit } from './systemd.ts'

const options = z.object({
  services: z.string().optional(),
  importSecret: z.array(z.string()).optional(),
  secretRef: z.array(z.string()).optional(),
  store: z.array(z.string()).optional(),
  skipStoreCheck: z.boolean().optional(),
  operator: z.string().optional(),
  signingKey: z.string().optional(),
  listen: z.string().optional(),
  controlListen: z.string().optional(),
  serviceListen: z.array(z.string()).optional(),
  start: z.boolean(),
  systemd: z.string().optional(),
})
type Options = z.output<typeof options>

export function registerInit(program: Command, runs: Runner): void {
  const command = program
    .command('init')
    .description('set up an environment and start it; safe to run again')
    .option('--services <list>', 'the services to handle, as stripe,openai')
    .option('--import-secret <name=source>', 'seal a secret now: env:X, file:PATH or -', collect)
    .option(
      '--secret-ref <name=source>',
      'read a secret when needed: env:X, file:PATH, hashicorp:PATH#FIELD, aws-sm:NAME#FIELD',
      collect,
    )
    .option(
      '--store <setting=value>',
      'a store that --secret-ref names: hashicorp.address=https://..., aws-sm.region=...',
      collect,
    )
    .option('--skip-store-check', 'write without asking the store first')
    .option('--operator <name>', 'your name (default: that of this user)')
    .option('--signing-key <file>', 'sign JWTs with this Ed25519 key (PEM)')
    .option('--listen <address>', 'where agents reach the data plane, HOST:PORT')
    .option('--control-listen <address>', 'where operators reach the control plane')
    .option('--service-listen <service=address>', 'a port of its own for a service', collect)
    .option('--no-start', 'do not start the service')
    .option('--systemd <file>', 'write a systemd unit there instead of starting')
  runs(command, options, init)
}

async function init({ session: given, options: asked }: Call<Options>): Promise<void> {
  const environment =
    given.shared.env ?? (given.terminal.env.APISTRONGHOLD_ENV || undefined) ?? 'production'
  const session = inEnvironment(given, environment)
  const wishes = await wishesOf(session, environment, asked)
  const { changes, started } = await initialise(session, wishes)
  const local = loadLocal(session)
  const unit = asked.systemd === undefined ? undefined : writeUnit(session, local, asked.systemd)
  await report(session, { local, changes, unit, ...started })
}

interface Initialised {
  readonly changes: readonly string[]
  readonly started: Started | undefined
}

/** Everything that was wished for. Exported for `serve`, which sets up `development` by itself. */
export async function initialise(session: Session, wishes: InitWishes): Promise<Initialised> {
  const plan = await planInit(session, wishes)
  const changes: string[] = []
  const turn = await takeTurn(plan.state)
  try {
    for (const { run } of INIT_STEPS) changes.push(...(await run(session, plan)))
    // Within the turn: who comes next meets a service that has taken the secrets in.
    const started = plan.isStarting ? await startBackground(session, loadLocal(session)) : undefined
    return { changes, started }
  } finally {
    turn.end()
  }
}

/** What `init` does when nobody says anything. */
export function plainWishes(environment: string): InitWishes {
  return {
    environment,
    services: [],
    imports: [],
    typed: new Map(),
    references: [],
    stores: [],
    isCheckingStores: true,
    serviceListen: [],
    isDefault: true,
    isStarting: true,
  }
}

async function wishesOf(
  session: Session,
  environment: string,
  asked: Options,
): Promise<InitWishes> {
  const wishes = {
    ...plainWishes(environment),
    services: (asked.services ?? '').split(',').filter(Boolean),
    imports: asked.importSecret ?? [],
    references: asked.secretRef ?? [],
    stores: asked.store ?? [],
    isCheckingStores: asked.skipStoreCheck !== true,
    serviceListen: asked.serviceListen ?? [],
    operator: asked.operator,
    signingKey: asked.signingKey,
    listen: asked.listen,
    controlListen: asked.controlListen,
    isStarting: asked.start && asked.systemd === undefined,
  }
  if (session.shared.yes) return wishes
  const { isInteractive, dialogue } = session.terminal
  if (isInteractive) return await askWishes(dialogue, await groundOf(session, environment), wishes)
  throw new Failure(
    'usage_invalid',
    'there is no terminal to ask on: add --yes, and say with --services and --import-secret what to set up',
  )
}

/** What is here already: the listeners of an environment that is set up, services beside the file. */
async function groundOf(session: Session, environment: string): Promise<Ground> {
  const tried = { problemWith: (wishes: InitWishes) => problemWith(session, wishes) }
  if (isInitialised(session)) {
    const { config } = loadLocal(session)
    const usual = { data: config.data.listen, control: config.control.listen }
    return { ...tried, catalog: await openCatalog(config), usual }
  }
  const configDirectory = dirname(configPath(session))
  const catalog = await loadCatalog({ configDirectory, settings: new Map() })
  return { ...tried, catalog, usual: defaultListeners(environment) }
}

function writeUnit({ terminal }: Session, local: Local, file: string): string {
  const path = resolve(terminal.workingDirectory, file)
  replaceFile(path, systemdUnit(local), 0o644)
  return path
}

interface Report {
  readonly local: Local
  readonly changes: readonly string[]
  readonly unit: string | undefined
  readonly run?: Run
  readonly isNew?: boolean
}

async function report(
  session: Session,
  { local, changes, unit, run, isNew }: Report,
): Promise<void> {
  const { config, state } = local
  const { missing, hints, lines } = await nextSteps(session, local, { run, flag: '' })
  const isChanged = changes.length > 0 || isNew === true
  const words = [
    ...(isChanged ? changes : [`${config.environment} was set up already: nothing changed`]),
    ...(run ? [describeRun(run)] : []),
    ...(unit === undefined ? [] : [`wrote ${unit}`]),
    ...hints,
    '',
    'Next:',
    ...startLines(run, unit).map((line) => `  ${line}`),
    ...lines.map((line) => `  ${line}`),
  ]
  if (isChanged) session.terminal.note(sameUserWarning())
  const machine = {
    environment: config.environment,
    config: config.path,
    stateDirectory: state.path,
    changed: isChanged,
    changes,
    missingSecrets: missing,
    ...(run ? { pid: run.pid, data: run.data, control: run.control } : {}),
  }
  answer(session, machine, words.join('\n'))
}

function startLines(run: Run | undefined, unit: string | undefined): string[] {
  if (run) return []
  return [unit === undefined ? 'npx apistronghold start' : enablingCommand(unit)]
}

function sameUserWarning(): string {
  return `Note: an agent that runs as ${userInfo().username}, like the proxy, can read its files, keys included. Give the proxy a user, a container or a machine of its own.`
}
