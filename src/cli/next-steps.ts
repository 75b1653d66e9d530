/** What to do after `init` or `serve`: lines to paste, for the services that are set up. */

import type { Catalog } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import type { Run } from '../state-dir/run-file.ts'
import { secretNamesOf } from '../config/service-settings.ts'
import { openCatalog } from './config-file.ts'
import { reachable } from './running.ts'
import { configuredSecrets } from './service-list.ts'
import type { Local } from './session.ts'

export interface NextSteps {
  /** Secrets that configured services need and that are not stored yet. */
  readonly missing: readonly string[]
  readonly lines: readonly string[]
}

/** `flag` is what later commands need besides, as ` --env development`; often nothing. */
export async function nextSteps(
  local: Local,
  { run, flag }: { readonly run?: Run | undefined; readonly flag: string },
): Promise<NextSteps> {
  const catalog = await openCatalog(local.config)
  const stored = (await configuredSecrets(local)) ?? new Set<string>()
  const services = handled(local, catalog)
  const missing = services.map(ownSecret).filter((name) => name !== undefined && !stored.has(name))
  const example = services.find((service) => stored.has(ownSecret(service) ?? '')) ?? services[0]
  const first = missing.find((name) => name === (example && ownSecret(example)))
  const proxy = run ? reachable(run.data) : 'http://localhost:8900'
  const lines = [
    ...(first === undefined ? [] : [`npx apistronghold secret set ${first}${flag}`]),
    `npx apistronghold token issue${flag} --agent my-agent --scopes "${exampleScopes(example)}" --ttl 4h`,
    `PROXY_URL=${proxy} PHANTOM_TOKEN=<the token> node agent.js`,
  ]
  return { missing: [...new Set(missing)].filter((name) => name !== undefined), lines }
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
