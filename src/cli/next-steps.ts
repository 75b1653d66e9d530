/** What to do after `init` or `serve`: lines to paste, for the services that are set up. */

import type { Catalog } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import type { Run } from '../state-dir/run-file.ts'
import { secretNamesOf, sourceOf } from '../config/service-settings.ts'
import { agentUrl, configuredUrl } from './agent-url.ts'
import { openCatalog } from './config-file.ts'
import { valuePlace } from './reference.ts'
import { configuredSecrets } from './service-list.ts'
import type { Local, Session } from './session.ts'

export interface NextSteps {
  /** Secrets that configured services need and that are not there yet. */
  readonly missing: readonly string[]
  /** What to do about each of them, as a sentence. */
  readonly hints: readonly string[]
  readonly lines: readonly string[]
}

/** `flag` is what later commands need besides, as ` --env development`; often nothing. */
export async function nextSteps(
  session: Session,
  local: Local,
  { run, flag }: { readonly run?: Run | undefined; readonly flag: string },
): Promise<NextSteps> {
  const catalog = await openCatalog(local.config)
  const stored = (await configuredSecrets(session, local)) ?? new Set<string>()
  const services = handled(local, catalog)
  const missing = services.map(ownSecret).filter((name) => name !== undefined && !stored.has(name))
  const example = services.find((service) => stored.has(ownSecret(service) ?? '')) ?? services[0]
  const first = missing.find((name) => name === (example && ownSecret(example)))
  const isStoring = first !== undefined && sourceOf(local.config, first).source === 'vault'
  const proxy = agentUrl(local, run?.data ?? configuredUrl(local))
  const lines = [
    ...(isStoring ? [`npx apistronghold secret set ${first}${flag}`] : []),
    `npx apistronghold token issue${flag} --agent my-agent --scopes "${exampleScopes(example)}" --ttl 4h`,
    `PROXY_URL=${proxy} PHANTOM_TOKEN=<the token> node agent.js`,
  ]
  const names = [...new Set(missing)].filter((name) => name !== undefined)
  return { missing: names, hints: names.map((name) => hintFor(local, name)), lines }
}

function hintFor({ config }: Local, name: string): string {
  const source = sourceOf(config, name)
  const advice =
    source.source === 'vault' ? `npx apistronghold secret set ${source.name}` : valuePlace(source)
  return `no credential yet for ${name}: ${advice}`
}

/** What the configuration names; Stripe stands in where it names nothing. */
function handled({ config }: Local, { services }: Catalog): Service[] {
  const ids = config.services.size > 0 ? [...config.services.keys()] : ['stripe']
  return ids.flatMap((id) => services.get(id) ?? [])
}

function ownSecret(service: Service): string | undefined {
  return secretNamesOf(service)[0]
}

/** Reading and ordinary writing where the service has them; nothing that is dangerous. */
function exampleScopes(service: Service | undefined): string {
  const scopes = [...(service?.scopes.values() ?? [])]
  const harmless = scopes.filter(({ name }) => name === 'read' || name === 'write')
  return (harmless.length > 0 ? harmless : scopes.slice(0, 1)).map(({ id }) => id).join(',')
}
