/**
 * Every place where some service's clients put their key, gathered over the whole catalogue: the
 * token must be found before it is known which service it is for.
 */

import type { Catalog } from '../../catalog/catalog.ts'
import type { Service } from '../../catalog/service.ts'

export interface AcceptIndex {
  /** Header names (lower case) that may carry a token, the proxy's own one included. */
  readonly headers: ReadonlySet<string>
  /** Literal text before a token inside a vendor's key shape: `sk_live_`. */
  readonly prefixes: ReadonlySet<string>
  /** Path patterns with `{token}` in one segment, per service. */
  readonly pathSlots: readonly { readonly service: Service; readonly pattern: string }[]
  /** Query fields that a service's clients cannot do without. */
  readonly queryFields: ReadonlySet<string>
  /** `Sec-WebSocket-Protocol` items begin with one of these before a token. */
  readonly protocolPrefixes: readonly string[]
}

/** The proxy's own header: it leaves the vendor's places free for whatever an SDK insists on. */
export const PHANTOM_HEADER = 'x-phantom-token'

/** Builds the index of a catalogue; once per load. */
export function createAcceptIndex(catalog: Catalog): AcceptIndex {
  const headers = new Set([PHANTOM_HEADER, 'authorization'])
  const prefixes = new Set<string>()
  const pathSlots: AcceptIndex['pathSlots'][number][] = []
  const queryFields = new Set<string>()
  const protocolPrefixes: string[] = []
  for (const service of catalog.services.values()) {
    if (service.tokenPrefix) prefixes.add(service.tokenPrefix)
    for (const place of service.accept) {
      if (place.in === 'header') headers.add(place.name.toLowerCase())
      if (place.in === 'path') pathSlots.push({ service, pattern: place.pattern })
      if (place.in === 'query' && place.required) queryFields.add(place.field)
      if (place.in === 'websocket_protocol') protocolPrefixes.push(place.prefix)
    }
  }
  return { headers, prefixes, pathSlots, queryFields, protocolPrefixes }
}
