/** What the configuration says about services, in the words of the catalogue and of the stores. */

import { readFileSync } from 'node:fs'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { ServiceSettings as CatalogSettings } from '../catalog/settings.ts'
import type { CredentialForm, OriginOverride, Service } from '../catalog/service.ts'
import type { Config, ServiceSettings } from '../config.ts'
import type { SourceReference } from '../secret/reference.ts'

/** For `loadCatalog`. Reads the CA files; throws `config_invalid` when one cannot be used. */
export function catalogSettings(config: Config): ReadonlyMap<string, CatalogSettings> {
  return new Map(
    [...config.services].map(([id, settings]) => [
      id,
      {
        extends: settings.extends,
        credential: settings.credential && secretNameOf(id, settings.credential),
        origin: overrideOf(id, settings, settings.origin),
        tokenOrigin: overrideOf(id, settings, settings.tokenOrigin),
        hosts: settings.hosts,
        bodyLimitBytes: settings.bodyLimitBytes,
      },
    ]),
  )
}

/** Where a secret is read from, by its name; the built-in vault unless the configuration says else. */
export function sourceOf({ services }: Config, name: string): SourceReference {
  for (const [id, { credential, splits }] of services) {
    const own = credential ? secretNameOf(id, credential) : id
    if (credential && own === name && credential.source !== 'vault') return credential
    for (const [split, reference] of splits) if (name === `${own}-${split}`) return reference
  }
  return { source: 'vault', name }
}

/** The secrets that a service's scopes need, its own first; none where it takes no credential. */
export function secretNamesOf({
  credential,
  credentialForms,
  credentialSplits,
}: Service): readonly string[] {
  if (credentialForms.length === 0) return []
  return [...new Set([credential, ...credentialSplits.values()])]
}

/** The forms of the service that a secret is for; `openai-admin` has those of `openai`. */
export function formsOf({ services }: Catalog, name: string): readonly CredentialForm[] {
  const users = [...services.values()].filter((service) => secretNamesOf(service).includes(name))
  // Of several that share it, the one that it belongs to says where its tokens come from.
  const owner = users.find(({ id }) => id === name) ?? users[0]
  return owner?.credentialForms ?? []
}

/**
 * Where a service's credential may go: its own hosts, or what the operator put in their place, and
 * whom tokens are asked of that are minted from it.
 */
export function originsOf(service: Service): readonly string[] {
  const minting = service.credentialForms.flatMap(({ mint }) =>
    mint ? [new URL(mint.url).origin] : [],
  )
  return [...new Set([...hostOrigins(service), ...minting])]
}

/** A wildcard only where the credential signs: a key must not go wherever a client says. */
function hostOrigins({ origin, hosts, isSigned }: Service): readonly string[] {
  if (origin) return [origin.url]
  return hosts
    .filter(({ name, auth }) => auth === 'inject' && (isSigned || !name.startsWith('*.')))
    .map(({ name }) => `https://${name}`)
}

/** A secret that is not in the vault has no name there, so it goes by its service's. */
function secretNameOf(id: string, reference: SourceReference): string {
  return reference.source === 'vault' ? reference.name : id
}

function overrideOf(
  id: string,
  { caFile, allowPrivateAddress }: ServiceSettings,
  origin: string | undefined,
): OriginOverride | undefined {
  if (origin === undefined) return undefined
  const override = { url: origin, allowPrivateAddress }
  return caFile === undefined ? override : { ...override, ca: readCertificates(id, caFile) }
}

function readCertificates(id: string, path: string): string {
  const problem = (what: string) =>
    new Failure('config_invalid', `services.${id}.ca_file: ${path} ${what}`)
  try {
    const text = readFileSync(path, 'utf8')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  } catch (error) {
    throw problem(`cannot be read (${systemErrorCode(error) ?? 'no reason'})`)
  }
  throw problem('holds no certificate in PEM')
}
