/** Where service files lie: those of this package, and the operator's beside the configuration. */

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, systemErrorCode } from './base/errors.ts'
import type { Catalog } from './catalog/catalog.ts'
import { compileCatalog } from './catalog/compile.ts'
import type { OriginOverride, Service } from './catalog/service.ts'
import type { ServiceSettings } from './catalog/settings.ts'
import type { CatalogFile, CatalogMistake } from './catalog/yaml-file.ts'
import { checkInjection } from './injection/inject.ts'
import { parseOrigin } from './network/origin.ts'

export interface CatalogRequest {
  /** Directory of apistronghold.yaml; service files are in `services/` below it. */
  readonly configDirectory: string | undefined
  readonly settings: ReadonlyMap<string, ServiceSettings>
}

const SERVICES = 'services'

/** The package's own service files: `services/` beside package.json, from src/ and from dist/src/. */
export function builtinServicesDirectory(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Failure('catalog_invalid', 'the package has lost its files')
    directory = parent
  }
  return join(directory, SERVICES)
}

/** Reads and compiles everything. Throws `catalog_invalid` with all mistakes, one a line. */
export async function loadCatalog({ configDirectory, settings }: CatalogRequest): Promise<Catalog> {
  const builtin = builtinServicesDirectory()
  const files = await readServiceFiles(builtin, (name) => `${SERVICES}/${name} (built in)`)
  if (configDirectory !== undefined) {
    const own = join(configDirectory, SERVICES)
    // The configuration of a clone may lie beside the package's own files.
    if (own !== builtin) files.push(...(await readServiceFiles(own, (name) => join(own, name))))
  }
  const catalog = compileCatalog(files, settings)
  const lines = catalog.ok
    ? [...catalog.value.services.values()].flatMap(unusableParts)
    : catalog.error.map(formatMistake)
  if (catalog.ok && lines.length === 0) return catalog.value
  throw new Failure('catalog_invalid', `mistakes in the service files:\n${lines.join('\n')}`)
}

/** What compiles, and could still not be used when the first request comes. */
function unusableParts(service: Service): string[] {
  const { id, origin } = service
  const problems = [...checkInjection(service), ...(origin ? originProblems(origin) : [])]
  return problems.map((problem) => `${id}: ${problem}`)
}

function originProblems({ url, allowPrivateAddress: allowPrivate }: OriginOverride): string[] {
  const parsed = parseOrigin(url, { allowPrivate })
  if (parsed.ok) return []
  const isOnlyPrivate = !allowPrivate && parseOrigin(url, { allowPrivate: true }).ok
  const cure = isOnlyPrivate ? ': if it is meant to be, set --allow-private-address' : ''
  return [`origin: ${parsed.error.problem}${cure}`]
}

/** `services/acme.yaml:12: rules[0].scope: there is no scope "reed"; did you mean "read"?` */
function formatMistake({ file, line, message }: CatalogMistake): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`
}

async function readServiceFiles(
  directory: string,
  nameOf: (name: string) => string,
): Promise<CatalogFile[]> {
  const names = await listYaml(directory)
  return Promise.all(
    names.map(async (name) => ({
      path: nameOf(name),
      text: await readFile(join(directory, name), 'utf8'),
    })),
  )
}

async function listYaml(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(directory)
    return names.filter((name) => name.endsWith('.yaml')).sort()
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return []
    throw new Failure('catalog_invalid', `cannot read the service files in ${directory}`, { cause })
  }
}
