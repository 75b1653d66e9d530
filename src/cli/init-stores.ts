/** Secret stores that `init` describes: their settings, and whether they give what they are asked for. */

import { dirname } from 'node:path'
import { Failure } from '../base/errors.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Config } from '../config.ts'
import type { SettingsEdit } from '../config/edit.ts'
import { STORE_SECTIONS } from '../config/stores.ts'
import { trySources } from '../main/try-sources.ts'
import { isRemote, parseReference, type SourceReference } from '../secret/reference.ts'
import { readReference } from './reference.ts'
import type { Session } from './session.ts'

/** `hashicorp.address=https://vault.example:8200` into the settings of the environment. */
export function storeEdits(environment: string, pairs: readonly string[]): SettingsEdit[] {
  const root = ['environments', environment]
  return pairs.flatMap((pair) => {
    const { section, field, value } = readPair(pair)
    const edit = { path: [...root, 'stores', section, field], set: typed(field, value) }
    return [edit, ...placeEdits(root, value)]
  })
}

const SECTIONS: ReadonlyMap<string, string> = new Map(Object.entries(STORE_SECTIONS))

function readPair(pair: string) {
  const [, source = '', field = '', value = ''] = /^([a-z_-]+)\.([a-z_]+)=(.+)$/.exec(pair) ?? []
  const section = SECTIONS.get(source.replace('_', '-'))
  if (section !== undefined) return { section, field, value }
  throw new Failure(
    'usage_invalid',
    '--store takes STORE.SETTING=VALUE, as hashicorp.address=https://vault.example:8200 or aws-sm.region=eu-central-1',
  )
}

const typed = (field: string, value: string): string | boolean =>
  field === 'allow_private_address' ? value === 'true' : value

/** What proves the proxy to the store is read from a variable or a file: each must be allowed. */
function placeEdits(root: readonly string[], value: string): readonly SettingsEdit[] {
  const parsed = parseReference(value)
  if (!parsed.ok) return []
  const reference = parsed.value
  if (reference.source === 'env')
    return [{ path: [...root, 'env_sources'], include: reference.variable }]
  if (reference.source !== 'file') return []
  return [{ path: [...root, 'secret_dirs'], include: dirname(reference.path) }]
}

/** `stripe=hashicorp:secret/data/stripe#key`: those that only a store elsewhere can answer. */
export function remoteReferences(pairs: readonly string[]): ReadonlyMap<string, SourceReference> {
  const found = pairs.map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), readReference(pair.slice(at + 1))] as const
  })
  return new Map(found.filter(([, reference]) => isRemote(reference)))
}

interface Planned {
  readonly config: Config
  readonly catalog: Catalog
}

/** Reads each of them once, before anything is written. Throws what is wrong, never a value. */
export async function checkStores(
  { terminal }: Session,
  planned: Planned,
  references: ReadonlyMap<string, SourceReference>,
): Promise<void> {
  if (references.size === 0) return
  const problem = await trySources({ ...planned, references, env: terminal.env })
  if (problem === undefined) return
  throw new Failure(
    'refused',
    `the secret store does not give what is needed: ${problem}. Nothing was written; see \`stores\` in docs/stores.md, or add --skip-store-check where the store cannot be reached from here`,
  )
}
