/**
 * The product as an operator runs it: `init`, services pointed at recording upstreams, `serve`
 * as a process of its own. One per test file; everything is ended and removed by `stop`.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createClient,
  type AuditFilter,
  type AuditRecord,
  type Client,
} from '../../sdk/src/client.ts'
import { run, runWell, type Finished, type RunningCommand, type RunOptions } from './command.ts'
import { startServe, type ServeAddresses } from './serve-process.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary.ts'
import type { Upstream } from './upstream.ts'

export interface ProxiedService {
  readonly id: string
  readonly upstream: Pick<Upstream, 'origin' | 'ca'>
  /** Who mints its tokens, under the same authority. */
  readonly tokenOrigin?: string
  /** The real credential; none for a service that shares another's or has none. */
  readonly secret?: string
}

export interface ProxyOptions {
  readonly environment?: 'production' | 'development'
  readonly services: readonly ProxiedService[]
  /** Services that get a port of their own. */
  readonly ownPorts?: readonly string[]
  /** Further arguments of `serve`, such as `--verbose`. */
  readonly serveArguments?: readonly string[]
  /** Variables of every command. */
  readonly variables?: Readonly<Record<string, string>>
  /** What verifies the control plane, where it speaks TLS. */
  readonly ca?: string
  /** Another copy of the command than the repository's. */
  readonly script?: string
}

export interface ProxyProcess {
  readonly directory: TemporaryDirectory
  readonly stateDirectory: string
  /** Where agents call, `http://127.0.0.1:port`. */
  readonly url: string
  readonly port: number
  readonly control: string
  /** The port that only this service answers on. */
  ownPort(id: string): number
  readonly pid: number
  /** All `serve` processes so far, the running one last. */
  readonly serves: readonly RunningCommand[]
  command(args: readonly string[], input?: string): Promise<Finished>
  /** A command that must succeed; gives its standard output. */
  commandWell(args: readonly string[], input?: string): Promise<string>
  /** The operator's client of the control plane: what the commands use, without their start. */
  client(): Client
  /** A token straight from the control plane. */
  issue(scopes: string, options?: IssueOptions): Promise<string>
  /** What `token issue` prints. */
  issueByCommand(scopes: string, ...more: readonly string[]): Promise<string>
  audit(filter?: AuditFilter): Promise<readonly AuditRecord[]>
  /** Sends the signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Sends the signal, waits for the end and starts `serve` again, perhaps with other arguments. */
  restart(signal: 'SIGTERM' | 'SIGKILL', serveArguments?: readonly string[]): Promise<void>
  /** Ends the process and removes its directory. */
  stop(): Promise<void>
}

export interface IssueOptions {
  readonly agent?: string
  readonly ttl?: string
}

const AGENT = 'order-agent'
const STATE = 'state'

export async function startProxy(options: ProxyOptions): Promise<ProxyProcess> {
  const directory = createTemporaryDirectory()
  try {
    return await startIn(directory, options)
  } catch (error) {
    directory.remove()
    throw error
  }
}

async function startIn(
  directory: TemporaryDirectory,
  options: ProxyOptions,
): Promise<ProxyProcess> {
  const stateDirectory = join(directory.path, STATE)
  const place: RunOptions = {
    directory: directory.path,
    ...(options.variables && { environment: options.variables }),
    ...(options.script !== undefined && { script: options.script }),
  }
  await initialise(place, directory, options)
  const serves: RunningCommand[] = []
  let addresses = await serve()

  async function serve(
    args: readonly string[] = options.serveArguments ?? [],
  ): Promise<ServeAddresses> {
    const { running, ready } = startServe(place, stateDirectory, args)
    serves.push(running)
    return await ready
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const current = serves.at(-1)
    current?.child.kill(signal)
    await current?.finished
  }

  const commandWell = (args: readonly string[], input?: string) =>
    runWell(args, { ...place, ...(input !== undefined && { input }) })

  const client = () => {
    const key = readFileSync(join(stateDirectory, 'keys', 'operator.key'), 'utf8').trim()
    return createClient({ url: addresses.control, key, ca: options.ca })
  }

  return {
    directory,
    stateDirectory,
    serves,
    commandWell,
    get url() {
      return addresses.data
    },
    get port() {
      return Number(new URL(addresses.data).port)
    },
    ownPort: (id) => Number(new URL(addresses.services[id] ?? '').port),
    get control() {
      return addresses.control
    },
    get pid() {
      return serves.at(-1)?.child.pid ?? 0
    },
    command: (args, input) => run(args, { ...place, ...(input !== undefined && { input }) }),
    client,
    async issue(scopes, { agent = AGENT, ttl = '1h' } = {}) {
      return (await client().tokens.issue({ agent, scopes, ttl })).token
    },
    issueByCommand: (scopes, ...more) =>
      commandWell(['token', 'issue', '--agent', AGENT, '--scopes', scopes, '--ttl', '1h', ...more]),
    audit: async (filter) => (await client().audit.query(filter)).items,
    end,
    async restart(signal, args) {
      await end(signal)
      addresses = await serve(args)
    },
    async stop() {
      await end('SIGTERM')
      directory.remove()
    },
  }
}

/** The commands of a first day, without `start`: tests run `serve` themselves. */
async function initialise(
  place: RunOptions,
  directory: TemporaryDirectory,
  { environment = 'production', services, ownPorts = [] }: ProxyOptions,
): Promise<void> {
  const imports = services.flatMap(({ id, secret }) =>
    secret === undefined
      ? []
      : ['--import-secret', `${id}=file:${directory.write(`${id}.secret`, secret)}`],
  )
  const where = ['--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0', '--state-dir', STATE]
  for (const id of ownPorts) where.push('--service-listen', `${id}=127.0.0.1:0`)
  const ids = services.map(({ id }) => id).join(',')
  await runWell(
    ['init', '--env', environment, '--yes', '--no-start', '--services', ids, ...imports, ...where],
    place,
  )
  for (const { id, upstream, tokenOrigin } of services) {
    const caFile = directory.write(`${id}.pem`, upstream.ca)
    const origin = ['--origin', upstream.origin, '--ca-file', caFile, '--allow-private-address']
    const tokens = tokenOrigin === undefined ? [] : ['--token-origin', tokenOrigin]
    await runWell(['service', 'set', id, ...origin, ...tokens], place)
  }
}
