/** What a new reading of the files changed that the audit is to know. */

import { formatRetention } from '../config/audit.ts'
import { formatReference } from '../secret/reference.ts'
import { originsOf, secretNamesOf } from '../config/service-settings.ts'
import type { Settings } from './settings.ts'

/** Before and after, in words; absent where there was or is no such service. */
export interface ServiceChange {
  readonly before?: ServiceFacts
  readonly after?: ServiceFacts
}

interface ServiceFacts {
  readonly digest: string
  readonly origins: readonly string[]
  readonly sources: readonly string[]
  readonly allowsPrivateAddress: boolean
}

/** By service id; empty when nothing that matters to a request changed. */
export function changedServices(before: Settings, after: Settings): Record<string, ServiceChange> {
  const ids = new Set([...before.catalog.services.keys(), ...after.catalog.services.keys()])
  const changes: Record<string, ServiceChange> = {}
  for (const id of ids) {
    const [old, fresh] = [factsOf(before, id), factsOf(after, id)]
    if (JSON.stringify(old) === JSON.stringify(fresh)) continue
    changes[id] = { ...(old && { before: old }), ...(fresh && { after: fresh }) }
  }
  return changes
}

/** How long records of the audit are kept, where that is another time now. */
export function changedRetention(
  before: Pick<Settings, 'config'>,
  after: Pick<Settings, 'config'>,
): { readonly auditRetention?: { readonly before: string; readonly after: string } } {
  const was = formatRetention(before.config.audit)
  const is = formatRetention(after.config.audit)
  return was === is ? {} : { auditRetention: { before: was, after: is } }
}

function factsOf({ catalog, references }: Settings, id: string): ServiceFacts | undefined {
  const service = catalog.services.get(id)
  if (!service) return undefined
  const sources = secretNamesOf(service).map((name) => {
    const reference = references.get(name)
    return reference ? formatReference(reference) : name
  })
  return {
    digest: service.digest,
    origins: originsOf(service),
    sources,
    allowsPrivateAddress: service.origin?.allowPrivateAddress ?? false,
  }
}
