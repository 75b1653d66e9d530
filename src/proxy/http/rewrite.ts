/**
 * Absolute URLs in `Link` and `Location`, turned back to the door: pagination would otherwise
 * carry the phantom token straight to the upstream.
 *
 * Only hosts that receive this service's credential; pre-signed URLs elsewhere are left alone.
 */

import { parseTarget } from '../../catalog/target.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Service } from '../../catalog/service.ts'

/** How the client reached us, and what for. */
export interface DoorAddress {
  readonly catalog: Catalog
  readonly service: Service
  /** `http://localhost:8900` */
  readonly origin: string
  /** `/stripe`, or nothing. */
  readonly prefix: string
  /** Catalogue host that this request was judged for. */
  readonly host: string
  /** Authority that was dialled, where it is not the catalogue host. */
  readonly dialledAuthority: string | undefined
}

/** With a scheme, or relative to one: `//api.stripe.com/v1` leads away as well. */
const ABSOLUTE = /^(?:https?:)?\/\/(?<authority>[^/?#@]+)(?<rest>[/?#].*)?$/i

/** Headers whose values hold URLs that a client follows. */
export function holdsUrls(name: string): boolean {
  return name === 'link' || name === 'location'
}

export function rewriteUrls(name: string, value: string, door: DoorAddress): string {
  if (name === 'location') return rewriteUrl(value, door)
  return value.replace(/<([^<>]*)>/g, (_, url: string) => `<${rewriteUrl(url, door)}>`)
}

function rewriteUrl(url: string, door: DoorAddress): string {
  const { authority, rest = '/' } = ABSOLUTE.exec(url)?.groups ?? {}
  const host = authority === undefined ? undefined : catalogueHost(authority.toLowerCase(), door)
  if (host === undefined || !receivesCredential(door.service, host)) return url
  const path = rest.startsWith('/') ? rest : `/${rest}`
  return `${door.origin}${door.prefix}${isReachedByPath(host, path, door) ? '' : `/~${host}`}${path}`
}

function catalogueHost(authority: string, { host, dialledAuthority }: DoorAddress) {
  if (authority === dialledAuthority) return host
  const name = authority.replace(/:443$/, '')
  return name.includes(':') ? undefined : name
}

function receivesCredential({ hosts }: Service, host: string): boolean {
  return hosts.some(
    ({ name, auth }) =>
      auth === 'inject' &&
      (name === host || (name.startsWith('*.') && host.endsWith(name.slice(1)))),
  )
}

/** Whether the path alone leads to this host, so that no `/~host` is needed. */
function isReachedByPath(host: string, path: string, { catalog, service }: DoorAddress): boolean {
  const target = parseTarget(path.replace(/#.*$/s, ''), service)
  const resolved = catalog.resolveHost(service, {
    named: undefined,
    method: 'GET',
    target: target.ok ? target.value : undefined,
  })
  return resolved.ok && resolved.value === host
}
