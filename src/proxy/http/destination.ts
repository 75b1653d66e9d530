/** Where an operation goes and which credential goes with it. */

import type { Operation } from '../../catalog/catalog.ts'
import type { Service, ServiceHost } from '../../catalog/service.ts'
import type { Destination } from '../upstream/upstream.ts'

/** Name of the credential; undefined where the host takes none, or the caller's own. */
export function credentialName({ service, host, baseScopes }: Operation): string | undefined {
  if (authOf(service, host) !== 'inject') return undefined
  const [scope = ''] = baseScopes
  const split = service.credentialSplits.get(scope.slice(scope.indexOf(':') + 1))
  return split ?? service.credential
}

/** How a host takes credentials; one that the service does not list gets none. */
export function authOf({ hosts }: Service, host: string): ServiceHost['auth'] {
  const listed = hosts.find(
    ({ name }) => name === host || (name.startsWith('*.') && host.endsWith(name.slice(1))),
  )
  return listed?.auth ?? 'none'
}

/** The origin that is dialled, and that would receive the credential. */
export function originOf({ origin }: Service, host: string): string {
  return origin?.url ?? `https://${host}`
}

const authorities = new WeakMap<Service, string>()

/** The Host field for the upstream: the dialled server's own name, so that it agrees with TLS. */
export function authorityOf(service: Service, host: string): string {
  if (!service.origin) return host
  let authority = authorities.get(service)
  if (authority === undefined) {
    authority = new URL(service.origin.url).host
    authorities.set(service, authority)
  }
  return authority
}

const destinations = new WeakMap<Service, Destination[]>()

/** The same object for the same service, host and credential: pools are found by it. */
export function destinationOf(
  { service, host }: Operation,
  credential: string | undefined,
): Destination {
  const origin = originOf(service, host)
  let known = destinations.get(service)
  if (!known) destinations.set(service, (known = []))
  for (const destination of known) {
    if (destination.origin === origin && destination.credential === (credential ?? '')) {
      return destination
    }
  }
  const destination: Destination = {
    service: service.id,
    credential: credential ?? '',
    origin,
    ca: service.origin?.ca,
    allowPrivateAddress: service.origin?.allowPrivateAddress ?? false,
  }
  known.push(destination)
  return destination
}
