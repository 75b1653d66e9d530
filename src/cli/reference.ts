/** Writing into the configuration where a secret is kept: a reference, never the value. */

import { dirname } from 'node:path'
import { Failure } from '../base/errors.ts'
import type { Service } from '../catalog/service.ts'
import type { SettingsEdit } from '../config/edit.ts'
import {
  formatReference,
  isRemote,
  parseReference,
  type RemoteReference,
  type SourceReference,
} from '../secret/reference.ts'
import type { SecretPurpose } from './sealing.ts'

export function readReference(text: string): SourceReference {
  const parsed = parseReference(text)
  if (parsed.ok) return parsed.value
  throw new Failure('usage_invalid', parsed.error.problem)
}

/** Where the operator puts the value itself, as the beginning of a sentence of advice. */
export function valuePlace(reference: SourceReference): string {
  if (isRemote(reference)) return remotePlace(reference)
  switch (reference.source) {
    case 'vault':
      return `run \`apistronghold secret set ${reference.name}\``
    case 'env':
      return `set ${reference.variable} where the proxy runs`
    case 'file':
      return `write it to ${reference.path} where the proxy runs`
  }
}

const STORES: Readonly<Record<RemoteReference['source'], string>> = {
  hashicorp: 'HashiCorp Vault or OpenBao',
  'aws-sm': 'AWS Secrets Manager',
}

/** Nothing here writes into a store elsewhere. */
function remotePlace({ source, place, field }: RemoteReference): string {
  const which = field === undefined ? place : `${place}, field ${field}`
  return `change it in ${STORES[source]} itself (${which}), which the proxy only reads`
}

/** The edits that make an environment read the secret from there. */
export function referenceEdits(
  environment: string,
  purpose: SecretPurpose,
  reference: SourceReference,
): readonly SettingsEdit[] {
  const root = ['environments', environment]
  const setting = { path: referencePath(environment, purpose), set: formatReference(reference) }
  if (isRemote(reference)) return [setting]
  switch (reference.source) {
    case 'vault':
      return [setting]
    case 'env':
      return [setting, { path: [...root, 'env_sources'], include: reference.variable }]
    case 'file':
      return [setting, { path: [...root, 'secret_dirs'], include: dirname(reference.path) }]
  }
}

/** Where the reference of this secret stands: at its service, or at one of the service's splits. */
export function referencePath(environment: string, purpose: SecretPurpose): readonly string[] {
  const service = ownerOf(purpose)
  const place = ['environments', environment, 'services', service.id]
  if (service.credential === purpose.name) return [...place, 'credential']
  return [...place, 'splits', purpose.name.slice(service.credential.length + 1)]
}

/** Several services may share a secret; it is named after one of them. */
function ownerOf({ name, services }: SecretPurpose): Service {
  const owner =
    services.find(({ id }) => id === name) ??
    services.find(({ id }) => name.startsWith(`${id}-`)) ??
    services[0]
  if (!owner) throw new Failure('usage_invalid', `no service uses a secret "${name}"`)
  return owner
}
