/**
 * `token issue`: on a terminal a token with how to use it; in a pipe the bare token and nothing
 * else.
 */

import type { Command } from 'commander'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { IssuedToken } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import { formatAddress, isLoopback } from '../config/address.ts'
import { agentUrl } from './agent-url.ts'
import { sdkLine, variablesFor, type Pointing } from './clients.ts'
import { collect, type Call, type Runner } from './command.ts'
import { openCatalog } from './config-file.ts'
import { connect, describe, type Connection } from './connection.ts'
import { formatDistance, formatMoment } from './moments.ts'
import { compact, type Session } from './session.ts'
import { formatTable } from './table.ts'

const options = z.object({
  agent: z.string(),
  scopes: z.string(),
  ttl: z.string().optional(),
  format: z.enum(['opaque', 'jwt']).optional(),
  shape: z.string().optional(),
  bind: z.array(z.string()).optional(),
  maxRequests: z.coerce.number().optional(),
  rate: z.string().optional(),
  owner: z.string().optional(),
  printEnv: z.boolean().optional(),
})
type Options = z.output<typeof options>

export function registerTokenIssue(parent: Command, runs: Runner): void {
  const command = parent
    .command('issue')
    .description('issue a phantom token to an agent')
    .requiredOption('--agent <name>', 'the agent that will hold it')
    .requiredOption('--scopes <list>', 'what it may do, as stripe:read,stripe:write')
    .option('--ttl <duration>', 'how long it lives, as 30m or 4h')
    .option('--shape <service>', "print it in the form of that service's keys")
    .option('--bind <binding>', 'cidr=10.0.0.0/8, dpop=<jkt>, first-use', collect)
    .option('--max-requests <count>', 'how many requests it may make in all')
    .option('--rate <rate>', 'how fast, as 10/s')
    .option('--owner <name>', 'who answers for the agent')
    .option('--print-env', "print the variables that the services' SDKs read")
  command.addOption(
    command
      .createOption('--format <format>', 'an opaque reference or a JWT')
      .choices(['opaque', 'jwt']),
  )
  runs(command, options, issue)
}

async function issue(call: Call<Options>): Promise<void> {
  const { session, options: asked } = call
  const connection = await connect(session)
  const catalog = await neededCatalog(call, connection)
  const shape = asked.shape === undefined ? '' : shapePrefix(catalog, asked.shape)
  const issued = await connection.client.tokens.issue(requestOf(asked))
  noteUselessBinding(session, connection, asked)
  const shaped = { ...issued, token: shape + issued.token }
  print({ session, connection, catalog, issued: shaped }, asked.printEnv ?? false)
}

/** Everybody on loopback has the same address, so a first use from there is never taken for one. */
function noteUselessBinding({ terminal }: Session, { local }: Connection, { bind }: Options): void {
  if (!local || !bind?.includes('first-use')) return
  const { listen, serviceListen } = local.config.data
  if ([listen, ...serviceListen.values()].every(isLoopback))
    terminal.note(
      'warning: the data plane listens on loopback only, from where a token bound to its first use is always refused: bind it with cidr=127.0.0.0/8 instead',
    )
}

function requestOf({ agent, scopes, ttl, format, bind, maxRequests, rate, owner }: Options) {
  if (maxRequests !== undefined && !Number.isSafeInteger(maxRequests))
    throw new Failure('usage_invalid', '--max-requests must be a whole number')
  const idempotencyKey = randomUUID()
  return compact({ agent, scopes, ttl, format, bind, maxRequests, rate, owner, idempotencyKey })
}

/** A script wants the token and nothing that would have to be read for it; the server checks all. */
async function neededCatalog(
  { session: { terminal }, options: { printEnv, shape } }: Call<Options>,
  { local }: Connection,
): Promise<Catalog | undefined> {
  const isNeeded = terminal.isPrintingToPerson || printEnv === true || shape !== undefined
  return local && isNeeded ? await openCatalog(local.config) : undefined
}

/** Some clients look at a key's first characters; the proxy takes them off again. */
function shapePrefix(catalog: Catalog | undefined, id: string): string {
  if (!catalog)
    throw new Failure('usage_invalid', '--shape needs the configuration of the environment here')
  const service = catalog.services.get(id)
  if (service?.tokenPrefix !== undefined) return service.tokenPrefix
  const shaped = [...catalog.services.values()].filter(
    ({ tokenPrefix }) => tokenPrefix !== undefined,
  )
  throw new Failure(
    'usage_invalid',
    `${id.slice(0, 60)} has no shape of its own; these have: ${shaped.map((one) => one.id).join(', ')}`,
  )
}

interface Answer {
  readonly session: Session
  readonly connection: Connection
  /** Undefined for a control plane elsewhere. */
  readonly catalog: Catalog | undefined
  readonly issued: IssuedToken
}

function print(answer: Answer, asEnvironment: boolean): void {
  const { terminal, shared } = answer.session
  const { issued, connection } = answer
  const { keyPair } = issued
  const pointing = { proxy: proxyUrl(answer), token: issued.token, keyPair }
  if (shared.json) {
    const { token, id, agent, scopes, expiresAt } = issued
    const shown = compact({ token, id, agent, scopes, expiresAt, keyPair })
    terminal.print(JSON.stringify(shown, undefined, 2))
  } else if (asEnvironment) {
    const variables = variablesFor(servicesOf(answer), pointing)
    for (const { name, value } of variables) terminal.print(`${name}=${value}`)
  } else if (terminal.isPrintingToPerson) {
    terminal.print(describeIssued(answer, pointing))
    return
  } else {
    terminal.print(issued.token)
  }
  terminal.note(
    `${issued.id} issued to ${issued.agent} (${describe(connection)}), expires ${formatMoment(issued.expiresAt)}`,
  )
}

function describeIssued(answer: Answer, pointing: Pointing): string {
  const { connection, catalog, issued } = answer
  const { terminal } = answer.session
  const { colors } = terminal
  const rows = issued.scopes.map((id) => {
    const scope = catalog?.scopes.get(id)
    return [id, scope?.risk, scope?.title]
  })
  const lines = servicesOf(answer).flatMap((service) => {
    const proxy = ownPort(answer, service.id) ?? pointing.proxy
    const line = sdkLine(service, { proxy })
    return line === undefined ? [] : `  ${line}`
  })
  return [
    `${colors.bold(issued.id)} issued to ${issued.agent} (${describe(connection)})`,
    `expires ${formatMoment(issued.expiresAt)} (${formatDistance(issued.expiresAt, Date.now())})`,
    '',
    formatTable(terminal, ['scope', 'risk', 'what it allows'], rows),
    '',
    'Give the agent these, in place of a real key:',
    '',
    `  ${colors.green(`PROXY_URL=${pointing.proxy} PHANTOM_TOKEN=${issued.token}`)}`,
    ...signingLines(answer, pointing).map((line) => `  ${colors.green(line)}`),
    ...(lines.length === 0 ? [] : ['', ...lines]),
    '',
    colors.dim(`The token is shown this once. To end it: apistronghold token revoke ${issued.id}`),
  ].join('\n')
}

/** Of the services whose SDKs sign: their own variables, since PHANTOM_TOKEN is of no use to them. */
function signingLines(answer: Answer, pointing: Pointing): readonly string[] {
  const signing = servicesOf(answer).filter(({ isSigned }) => isSigned)
  if (signing.length === 0) return []
  const own = variablesFor(signing, pointing).filter(({ name }) => !COMMON.has(name))
  return own.map(({ name, value }) => `${name}=${value}`)
}

const COMMON = new Set(['PROXY_URL', 'PHANTOM_TOKEN'])

/** The services that the token's scopes are of. */
function servicesOf({ catalog, issued }: Answer): Service[] {
  const ids = new Set(issued.scopes.map((scope) => scope.slice(0, scope.indexOf(':'))))
  return [...ids].flatMap((id) => catalog?.services.get(id) ?? [])
}

function proxyUrl({ connection, session }: Answer): string {
  const { local } = connection
  if (local) return agentUrl(local, local.run.data)
  const named = session.terminal.env.APISTRONGHOLD_PROXY_URL
  if (named) return named
  // A control plane elsewhere does not know under which address its data plane is reached.
  const { hostname: host, protocol } = new URL(connection.server)
  return `${protocol}//${formatAddress({ host: host.replaceAll(/[[\]]/g, ''), port: 8900 })}`
}

function ownPort({ connection: { local } }: Answer, id: string): string | undefined {
  const url = local?.run.services[id]
  return local && url !== undefined ? agentUrl(local, url) : undefined
}
