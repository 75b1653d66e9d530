/** What a secret is for, by its name, and sealing it for exactly that. */

import type { KeyObject } from 'node:crypto'
import { Failure } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { InjectRule, Service } from '../catalog/service.ts'
import { originsOf, secretNamesOf } from '../config/service-settings.ts'
import { seal } from '../secret/envelope.ts'
import {
  collectFields,
  parseFields,
  type CredentialShape,
  type ParsedFields,
} from '../secret/parse-fields.ts'
import type { Secret } from '../secret/secret.ts'

export interface SecretPurpose {
  readonly name: string
  /** The services that use it; never empty. */
  readonly services: readonly Service[]
  readonly shape: CredentialShape
  /** Every origin that may receive it. */
  readonly origins: readonly string[]
}

/** Throws `usage_invalid`, with the nearest name, when no service uses such a secret. */
export function purposeOf(catalog: Catalog, name: string): SecretPurpose {
  const services = [...catalog.services.values()].filter((service) =>
    secretNamesOf(service).includes(name),
  )
  const [service] = services
  if (!service) throw unknownSecret(catalog, name)
  return {
    name,
    services,
    shape: { forms: service.credentialForms, headerBound: headerFields(service) },
    origins: [...new Set(services.flatMap(originsOf))],
  }
}

/** Throws `usage_invalid` with words that do not quote the value. */
export function readFields(purpose: SecretPurpose, value: Secret): ParsedFields {
  return settled(purpose, parseFields(value, purpose.shape))
}

/** As `readFields`, for fields that came one by one. */
export function gatherFields(
  purpose: SecretPurpose,
  given: ReadonlyMap<string, Secret>,
): ParsedFields {
  return settled(purpose, collectFields(given, purpose.shape))
}

function settled({ name }: SecretPurpose, parsed: ReturnType<typeof parseFields>): ParsedFields {
  if (parsed.ok) return parsed.value
  throw new Failure('usage_invalid', `the value for ${name} ${parsed.error.problem}`)
}

export interface SealWith {
  readonly environment: string
  readonly recipient: string
  readonly sealer: { readonly name: string; readonly privateKey: KeyObject }
  readonly version: number
}

/** The envelope as text. */
export async function sealFields(
  { name, origins }: SecretPurpose,
  { fields }: ParsedFields,
  { environment, recipient, sealer, version }: SealWith,
): Promise<string> {
  if (origins.length === 0)
    throw new Failure(
      'usage_invalid',
      `${name} may go nowhere yet: its service has wildcard hosts only; list exact ones under services in the configuration`,
    )
  const payload = { env: environment, name, version, fields, origins, sealedAt: Date.now() }
  return await seal({ payload, recipient, sealer })
}

function headerFields({ inject }: Service): ReadonlySet<string> {
  const named = inject
    .filter((rule: InjectRule) => rule.in === 'header')
    .flatMap(({ format }) => [...format.matchAll(/\{(\w+)\}/g)].map(([, field = '']) => field))
  return new Set(['secret', ...named])
}

function unknownSecret({ services }: Catalog, name: string): Failure {
  const names = [...services.values()].flatMap(secretNamesOf)
  const close = nearest(name, names)
  const hint = close === undefined ? 'see `apistronghold service list`' : `did you mean "${close}"?`
  return new Failure('usage_invalid', `no service uses a secret "${name.slice(0, 64)}"; ${hint}`)
}
