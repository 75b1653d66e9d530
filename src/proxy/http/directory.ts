/** What the doors look up in one loaded catalogue, prepared once per load. */

import type { Catalog } from '../../catalog/catalog.ts'
import type { Service } from '../../catalog/service.ts'
import { createAcceptIndex } from './accept.ts'
import type { AcceptIndex } from './accept.ts'

export interface Directory {
  readonly catalog: Catalog
  readonly accept: AcceptIndex
  /** Services by exact catalogue host. */
  readonly hosts: ReadonlyMap<string, readonly Service[]>
}

/** Gives the directory of the current catalogue; a reload gives a new one. */
export function createDirectories(catalog: () => Catalog): () => Directory {
  let current: Directory | undefined
  return () => {
    const loaded = catalog()
    if (current?.catalog !== loaded) current = createDirectory(loaded)
    return current
  }
}

function createDirectory(catalog: Catalog): Directory {
  const hosts = new Map<string, Service[]>()
  for (const service of catalog.services.values()) {
    for (const { name } of service.hosts) {
      const sharing = hosts.get(name)
      if (sharing) sharing.push(service)
      else hosts.set(name, [service])
    }
  }
  return { catalog, accept: createAcceptIndex(catalog), hosts }
}
