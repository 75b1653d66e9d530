/** `service list` and `service show`: the catalogue as this configuration makes it. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { ServiceView } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import { sourceOf, secretNamesOf } from '../config/service-settings.ts'
import { inboxNames } from '../state-dir/inbox.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { Call, Runner } from './command.ts'
import { openCatalog } from './config-file.ts'
import { findRunning, operatorClientOf } from './running.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'
import { formatTable } from './table.ts'
import type { Terminal } from './terminal.ts'

const none = z.object({})

export function registerServiceList(parent: Command, runs: Runner): void {
  const list = parent.command('list').description('list services, their scopes and credentials')
  runs(list, none, listServices)
  const show = parent
    .command('show')
    .argument('<id>')
    .description('show a service: hosts, scopes, how SDKs are pointed here')
  runs(show, none, showService)
}

async function listServices({ session }: Call<object>): Promise<void> {
  const local = loadLocal(session)
  const { services } = await openCatalog(local.config)
  const configured = await configuredSecrets(session, local)
  const items = [...services.values()].map((service) => itemOf(service, configured))
  const rows = items.map(({ id, name, credential, support, scopes }) => [
    id,
    name,
    credential,
    Object.keys(scopes).join(','),
    support.ready ? (support.note ?? '') : `not yet: ${support.why}`,
  ])
  const header = ['service', 'name', 'credential', 'scopes', 'note']
  answer(session, { items }, formatTable(session.terminal, header, rows))
}

function itemOf(service: Service, configured: ReadonlySet<string> | undefined) {
  const { id, name, category, docs, support } = service
  const names = secretNamesOf(service)
  const missing = configured && names.filter((secret) => !configured.has(secret))
  return {
    id,
    name,
    category,
    docs,
    support,
    /** `yes`, `no`, `unknown` while the service does not run, or which ones are missing. */
    credential: describeCredential(names, missing),
    scopes: Object.fromEntries([...service.scopes].map(([short, scope]) => [short, scope])),
  }
}

function describeCredential(names: readonly string[], missing: readonly string[] | undefined) {
  if (names.length === 0) return 'none needed'
  if (missing === undefined) return 'unknown'
  if (missing.length === 0) return 'yes'
  return missing.includes(names[0] ?? '') ? 'no' : `yes, without ${missing.join(', ')}`
}

/** Names of the secrets that are there; undefined when only the running service could say. */
export async function configuredSecrets(
  session: Session,
  local: Local,
): Promise<ReadonlySet<string> | undefined> {
  const { config, state } = local
  const found = await findRunning(state)
  const key = found.state === 'running' ? readLocalOperator(state)?.key : undefined
  if (found.state === 'running' && key !== undefined) {
    const client = operatorClientOf(session, local, { run: found.run, key })
    const { items } = await client.services.list()
    return new Set(items.flatMap(configuredNames))
  }
  const referred = [...config.services.keys()].filter(
    (id) => sourceOf(config, id).source !== 'vault',
  )
  const known = [...referred, ...inboxNames(state)]
  return known.length === 0 ? undefined : new Set(known)
}

function configuredNames({ credentials }: ServiceView): string[] {
  return credentials.filter(({ configured }) => configured).map(({ name }) => name)
}

async function showService({ session, args: [id = ''] }: Call<object>): Promise<void> {
  const { config } = loadLocal(session)
  const service = findService(await openCatalog(config), id)
  answer(session, service.definition, describeService(session.terminal, service))
}

/** Throws `not_found`, or `usage_invalid` where the id stood in an option, with the nearest id. */
export function findService(
  { services }: Catalog,
  id: string,
  code: 'not_found' | 'usage_invalid' = 'not_found',
): Service {
  const service = services.get(id)
  if (service) return service
  const close = nearest(id, services.keys())
  const hint = close === undefined ? 'see `apistronghold service list`' : `did you mean "${close}"?`
  throw new Failure(code, `there is no service "${id.slice(0, 60)}"; ${hint}`)
}

function describeService(terminal: Terminal, service: Service): string {
  const { colors } = terminal
  const hosts = service.hosts.map(({ name, role, auth }) => [
    name,
    role,
    auth === 'inject' ? '' : auth,
  ])
  const scopes = [...service.scopes.values()].map((scope) => [scope.id, scope.risk, scope.title])
  const sdks = Object.entries(service.clients.sdk).map(([name, line]) => `  ${name}: ${line}`)
  const support = service.support.ready ? service.support.note : service.support.why
  return [
    colors.bold(service.name) + (service.docs === undefined ? '' : `  ${service.docs}`),
    ...(support === undefined ? [] : [support]),
    `secrets: ${secretNamesOf(service).join(', ') || 'none needed'}`,
    ...(service.origin ? [`dialled at ${service.origin.url}`] : []),
    '',
    formatTable(terminal, ['scope', 'risk', 'what it allows'], scopes),
    '',
    formatTable(terminal, ['host', 'role', 'credential'], hosts),
    ...(sdks.length === 0 ? [] : ['', 'SDKs:', ...sdks]),
  ].join('\n')
}
