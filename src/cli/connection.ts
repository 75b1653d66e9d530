/**
 * Which control plane a command talks to, and with whose key: variables, else the environment of
 * the configuration here, else the last `login`.
 */

import { resolve } from 'node:path'
import type { Client } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { openStateDirectory } from '../state-dir.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { Run } from '../state-dir/run-file.ts'
import { readAuthority } from './authority.ts'
import { readLogins, type Login, type Logins } from './login-file.ts'
import { findRunning, operatorClientOf, reachable, witnessedHere } from './running.ts'
import { loadLocal, type Local, type Session } from './session.ts'
import type { WitnessedServer } from './witness-file.ts'

export interface Connection {
  readonly client: Client
  /** The control plane's URL, to be shown. */
  readonly server: string
  /** The environment's name; for a control plane elsewhere its host, since only it knows. */
  readonly environment: string
  /** What this server's checkpoints are kept under. */
  readonly witnessed: WitnessedServer
  /** Present when the control plane is this machine's own. */
  readonly local?: Local & { readonly run: Run }
}

/** Throws `config_missing`, `server_unreachable`, or what is wrong with the state directory. */
export async function connect(session: Session): Promise<Connection> {
  const { env } = session.terminal
  if (env.APISTRONGHOLD_URL) return connectByVariables(session, env.APISTRONGHOLD_URL)
  const local = loadLocalOrLogin(session)
  return 'url' in local ? connectTo(session, local) : await connectHere(session, local)
}

/** "production at http://127.0.0.1:8901": said by commands that change something. */
export function describe({ environment, server }: Connection): string {
  const isNamed = environment !== URL.parse(server)?.host && environment !== server
  return isNamed ? `${environment} at ${server}` : server
}

function connectByVariables(session: Session, url: string): Connection {
  const { env } = session.terminal
  const login = loginAt(session, url)
  const key = env.APISTRONGHOLD_OPERATOR_KEY || login?.key
  if (key === undefined)
    throw new Failure(
      'usage_invalid',
      'APISTRONGHOLD_URL is set without APISTRONGHOLD_OPERATOR_KEY: set both, or use `apistronghold login`',
    )
  const ca = env.APISTRONGHOLD_CA_FILE
    ? readAuthority(resolve(session.terminal.workingDirectory, env.APISTRONGHOLD_CA_FILE))
    : login?.ca
  return connectTo(session, { url, key, ca })
}

function loginAt({ terminal }: Session, url: string): Logins['servers'][string] | undefined {
  const servers = readLogins(terminal)?.servers ?? {}
  const normal = URL.parse(url)?.origin ?? url
  return Object.hasOwn(servers, normal) ? servers[normal] : undefined
}

function connectTo({ shared, witness }: Session, { url, key, ca }: Login): Connection {
  const witnessed = { server: url }
  const client = asUsage(() => witness.createClient(witnessed, { url, key, ca }))
  const environment = shared.env ?? URL.parse(url)?.host ?? url
  return { client, server: url, environment, witnessed }
}

/** The client refuses URLs that would carry the key in clear, and says why. */
function asUsage(create: () => Client): Client {
  try {
    return create()
  } catch (error) {
    if (error instanceof TypeError) throw new Failure('usage_invalid', error.message)
    throw error
  }
}

/** A missing configuration is no trouble for who has logged in elsewhere. */
function loadLocalOrLogin(session: Session): Local | Login {
  try {
    return loadLocal(session)
  } catch (error) {
    const isAbsent = error instanceof Failure && error.code === 'config_missing'
    const isNamed = session.shared.config !== undefined
    const logins = isAbsent && !isNamed ? readLogins(session.terminal) : undefined
    const login = logins?.servers[logins.current]
    if (!logins || !login) throw error
    return { url: logins.current, ...login }
  }
}

async function connectHere(session: Session, local: Local): Promise<Connection> {
  const { terminal } = session
  const { config, state } = local
  openStateDirectory(state, config.environment)
  const found = await findRunning(state)
  if (found.state === 'stopped')
    throw new Failure(
      'server_unreachable',
      `${config.environment} is not running here: run \`apistronghold start\``,
    )
  const { run } = found
  if (found.state === 'doubtful')
    throw new Failure(
      'server_unreachable',
      `the control plane of ${config.environment} (process ${run.pid}) cannot be made sure of: ${found.why}`,
    )
  const key = terminal.env.APISTRONGHOLD_OPERATOR_KEY || readLocalOperator(state)?.key
  if (key === undefined)
    throw new Failure(
      'key_missing',
      'this machine has no operator key: set APISTRONGHOLD_OPERATOR_KEY, or use `apistronghold login`',
    )
  return {
    client: operatorClientOf(session, local, { run, key }),
    server: reachable(run.control),
    environment: config.environment,
    witnessed: witnessedHere(local, run),
    local: { ...local, run },
  }
}
