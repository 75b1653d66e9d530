/** One run of a command: its terminal, the options that every command has, what lies on this machine. */

import { resolve } from 'node:path'
import { Failure } from '../base/errors.ts'
import { parseWorkers, WORKERS } from '../config/forms.ts'
import { loadConfig, locateConfig, type Config, type ConfigRequest } from '../config.ts'
import { locateStateDirectory, type StateDirectory } from '../state-dir.ts'
import type { Terminal } from './terminal.ts'
import type { Witness } from './witness.ts'

export interface SharedOptions {
  readonly config?: string | undefined
  readonly stateDir?: string | undefined
  readonly env?: string | undefined
  readonly json?: boolean | undefined
  readonly yes?: boolean | undefined
  readonly verbose?: boolean | undefined
}

export interface Session {
  readonly terminal: Terminal
  readonly shared: SharedOptions
  readonly witness: Witness
}

/** The configuration and state directory of the environment that a command is about. */
export interface Local {
  readonly config: Config
  readonly state: StateDirectory
}

/** Throws `config_missing` where there is none; creates nothing. */
export function loadLocal(session: Session): Local {
  const config = loadConfig(configRequest(session))
  return { config, state: stateOf(session, config) }
}

export function configPath(session: Session): string {
  return locateConfig(configRequest(session))
}

export function configRequest(session: Session): ConfigRequest {
  const { terminal, shared } = session
  const { env, workingDirectory } = terminal
  return {
    path: shared.config,
    environment: shared.env,
    env: { ...env, ...overridesOf(session) },
    workingDirectory,
  }
}

/** What options say in the words of the configuration's variables; `serve` hands them on. */
export function overridesOf({ terminal, shared }: Session): Record<string, string> {
  if (shared.stateDir === undefined) return {}
  return { APISTRONGHOLD_STATE_DIR: resolve(terminal.workingDirectory, shared.stateDir) }
}

export function stateOf({ terminal }: Session, config: Config): StateDirectory {
  return locateStateDirectory({
    configured: config.stateDirectory,
    configPath: config.path,
    environment: config.environment,
    env: terminal.env,
    uid: process.geteuid?.(),
  })
}

/** The same session, about this environment. */
export function inEnvironment(session: Session, environment: string): Session {
  return { ...session, shared: { ...session.shared, env: environment } }
}

/** The answer: JSON for machines, words for people. */
export function answer(
  { terminal, shared }: Pick<Session, 'terminal' | 'shared'>,
  value: unknown,
  words: string,
): void {
  terminal.print(shared.json ? JSON.stringify(value, undefined, 2) : words)
}

/** Without members that are undefined: what was not said is not sent. */
export function compact<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said) as { [K in keyof T]: Exclude<T[K], undefined> } // optional stays optional
}

/** Options in the words of the configuration's variables, so that every reading of it sees them. */
export function withVariables(session: Session, variables: Record<string, string>): Session {
  const { terminal } = session
  return { ...session, terminal: { ...terminal, env: { ...terminal.env, ...variables } } }
}

/** `--workers` of `serve` and `start`. Throws `usage_invalid`. */
export function withWorkers(session: Session, workers: string | undefined): Session {
  if (workers === undefined) return session
  if (parseWorkers(workers) === undefined)
    throw new Failure('usage_invalid', `--workers ${WORKERS}`)
  return withVariables(session, { APISTRONGHOLD_WORKERS: workers })
}
