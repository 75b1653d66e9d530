/** All service files and settings into the catalogue; or every mistake in them, at once. */

import { createHash } from 'node:crypto'
import { Failure } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Catalog, HostRequest } from './catalog.ts'
import { compileService, strayHosts, type ServiceSource } from './compile-service.ts'
import { readDefinitions, type LocatedDefinition } from './definition.ts'
import { chooseHost, type HostChoice } from './host.ts'
import { isMatched, judgeChecks } from './judge.ts'
import { isKnownOperation, judgedMethod, matchOperation, type CompiledService } from './match.ts'
import { matchSigned } from './match-signed.ts'
import type { CredentialDefinition } from './schema.ts'
import type { Service } from './service.ts'
import type { ServiceSettings } from './settings.ts'
import type { CatalogFile, CatalogMistake } from './yaml-file.ts'

/** Where mistakes in settings are, as far as the catalogue knows. */
const SETTINGS_FILE = 'apistronghold.yaml'

/** Builds the catalogue from files in any order and the configuration's settings by service id. */
export function compileCatalog(
  files: readonly CatalogFile[],
  settings: ReadonlyMap<string, ServiceSettings>,
): Result<Catalog, readonly CatalogMistake[]> {
  const { definitions: written, mistakes: unreadable } = readDefinitions(files)
  const mistakes = [...unreadable]
  const definitions = new Map(written)
  for (const [id, section] of settings) {
    const added = applySettings(id, section, written)
    if (!added.ok) mistakes.push(settingsMistake(id, added.error))
    else definitions.set(id, added.value)
  }
  const compiled = new Map<string, CompiledService>()
  for (const [id, located] of definitions) {
    const source = sourceOf(located, settings, definitions)
    if (!source.ok) {
      mistakes.push(source.error)
      continue
    }
    const { compiled: service, problems } = compileService(source.value)
    compiled.set(id, service)
    mistakes.push(...problems.map(({ path, message }) => located.mistakeAt(path, message)))
  }
  return mistakes.length > 0 ? err(withoutRepeats(mistakes)) : ok(createCatalog(compiled))
}

const settingsMistake = (id: string, message: string): CatalogMistake => ({
  file: SETTINGS_FILE,
  line: undefined,
  message: `services.${id}: ${message}`,
})

/** A mistake in a base shows in every service that extends it; once is enough. */
function withoutRepeats(mistakes: readonly CatalogMistake[]): readonly CatalogMistake[] {
  const byText = new Map(
    mistakes.map((mistake) => [`${mistake.file}:${mistake.line ?? 0}:${mistake.message}`, mistake]),
  )
  return [...byText.values()]
}

/** The definition that a section of the settings is about. */
function applySettings(
  id: string,
  section: ServiceSettings,
  written: ReadonlyMap<string, LocatedDefinition>,
): Result<LocatedDefinition, string> {
  const existing = written.get(id)
  if (section.extends !== undefined && existing)
    return err('has a file of its own already, so it cannot extend another service')
  const baseId = section.extends ?? id
  const base = written.get(baseId)
  if (!base) {
    const near = nearest(baseId, written.keys())
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    return err(`there is no service "${baseId}"${hint}`)
  }
  const [stray] = strayHosts(base.definition, section)
  if (stray !== undefined) return err(`"${stray}" is under no wildcard host of ${baseId}`)
  if (existing) return ok(existing)
  const { definition } = base
  const renamed = { ...definition, id, extends: baseId, name: `${definition.name} (${id})` }
  return ok({ ...base, definition: renamed })
}

function sourceOf(
  located: LocatedDefinition,
  settings: ReadonlyMap<string, ServiceSettings>,
  definitions: ReadonlyMap<string, LocatedDefinition>,
): Result<ServiceSource, CatalogMistake> {
  const { definition } = located
  const owner = credentialOwner(located, definitions)
  if (!owner.ok) return owner
  const section = settings.get(definition.id) ?? {}
  return ok({
    definition,
    settings: section,
    credential: owner.value.credential,
    credentialName:
      section.credential ?? settings.get(owner.value.id)?.credential ?? owner.value.id,
  })
}

/** Follows `same_as` one step: a chain would hide whose credential it is. */
function credentialOwner(
  located: LocatedDefinition,
  definitions: ReadonlyMap<string, LocatedDefinition>,
): Result<{ readonly id: string; readonly credential: CredentialDefinition }, CatalogMistake> {
  const { credential } = located.definition.auth
  const { same_as: id } = credential
  if (id === undefined) return ok({ id: located.definition.id, credential })
  const other = definitions.get(id)?.definition.auth.credential
  if (other && other.same_as === undefined) return ok({ id, credential: other })
  return err(
    located.mistakeAt(
      ['auth', 'credential', 'same_as'],
      other ? `"${id}" has no credential of its own` : `there is no service "${id}"`,
    ),
  )
}

function createCatalog(compiled: ReadonlyMap<string, CompiledService>): Catalog {
  const services = new Map([...compiled].map(([id, { service }]) => [id, service]))
  const scopes = new Map(
    [...services.values()].flatMap((service) =>
      [...service.scopes.values()].map((scope) => [scope.id, scope] as const),
    ),
  )
  const compiledFor = ({ id }: Service): CompiledService => {
    const found = compiled.get(id)
    if (!found) throw new Failure('catalog_invalid', 'the service is of another catalogue')
    return found
  }
  return {
    services,
    scopes,
    digest: digestOf(services),
    resolveHost: (service, request) => resolveHost(compiledFor(service), request),
    match: (service, request) => matchOperation(compiledFor(service), request),
    matchSigned: (service, request) => matchSigned(compiledFor(service), request),
    judge(operation, facts, held) {
      if (compiled.get(operation.service.id)?.service !== operation.service)
        throw new Failure('catalog_invalid', 'the operation is of another catalogue')
      if (!isMatched(operation))
        throw new Failure('catalog_invalid', 'the operation was not matched')
      return judgeChecks(operation, facts, held)
    },
  }
}

function digestOf(services: ReadonlyMap<string, Service>): string {
  const lines = [...services.values()].map(({ id, digest }) => `${id} ${digest}\n`).sort()
  return createHash('sha256').update(lines.join('')).digest('hex')
}

function resolveHost(
  compiled: CompiledService,
  { named, method: spoken, target }: HostRequest,
): HostChoice {
  const { hosts } = compiled
  if (named !== undefined)
    return hosts.has(named) ? ok(named) : err({ reason: 'host_unknown', host: named })
  const method = judgedMethod(spoken)
  // What cannot be read is refused by the next step, with its own reason.
  const query = method && target && { method, path: target.path, segments: target.segments }
  return chooseHost(hosts, query, (name) => {
    const host = hosts.get(name)
    return (
      host !== undefined && query !== undefined && isKnownOperation(compiled, { ...query, host })
    )
  })
}
