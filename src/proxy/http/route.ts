/**
 * Which service a request is for: by the port it came to, its Host, or its first path segment,
 * each only among the services of its grant; else the grant's only one. The rest of the path is
 * what the rules judge and the upstream gets.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Service } from '../../catalog/service.ts'
import type { Grant } from '../../policy/grant.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { WireRequest } from '../wire/message.ts'
import type { Directory } from './directory.ts'

export interface Route {
  readonly service: Service
  /** The upstream host that the request named, by Host or by `/~host`. */
  readonly namedHost: string | undefined
  /** Path and query behind the door's own segments. */
  readonly target: string
  /** The door's segment of this service, as `/stripe`, or nothing. */
  readonly prefix: string
  /** Another service that the door seems to name: the likelier mistake when nothing matches. */
  readonly meantService: string | undefined
}

type Head = Pick<WireRequest, 'listener' | 'host'>

/** Finds the service and the upstream host that a request names. */
export function findRoute(
  request: Head & { readonly target: string },
  grant: Pick<Grant, 'services'>,
  directory: Directory,
): Result<Route, Refusal> {
  const { listener, target } = request
  if (!target.startsWith('/')) {
    return err({ reason: 'target_not_canonical', problem: 'the target must be a path' })
  }
  if (listener.service !== undefined) {
    if (!grant.services.includes(listener.service)) return notGranted(listener.service)
    return finish(directory, listener.service, { target })
  }
  return (
    routeByHost(request, grant, directory) ??
    routeBySegment(target, grant, directory) ??
    routeToOnly(request, grant, directory)
  )
}

/** `Host: stripe.proxy.example`, or a host of the catalogue itself. */
function routeByHost(
  { host, target }: Head & { readonly target: string },
  { services }: Pick<Grant, 'services'>,
  directory: Directory,
): Result<Route, Refusal> | undefined {
  const label = serviceLabel(host)
  if (label !== undefined && services.includes(label)) return finish(directory, label, { target })
  const namedHost = host?.replace(/:\d+$/, '')
  const owners = directory.hosts.get(namedHost ?? '')?.filter(({ id }) => services.includes(id))
  const [owner, other] = owners ?? []
  if (!owner || other) return undefined
  return finish(directory, owner.id, { target, namedHost })
}

/** `/stripe/v1/charges` */
function routeBySegment(
  target: string,
  { services }: Pick<Grant, 'services'>,
  directory: Directory,
): Result<Route, Refusal> | undefined {
  const [segment, rest] = cutSegment(target)
  if (!services.includes(segment)) return undefined
  return finish(directory, segment, { target: rest, prefix: `/${segment}` })
}

function routeToOnly(
  { host, target }: Head & { readonly target: string },
  { services }: Pick<Grant, 'services'>,
  directory: Directory,
): Result<Route, Refusal> {
  const [segment] = cutSegment(target)
  const known = directory.catalog.services
  const meantService = [segment, serviceLabel(host)].find((id) => known.has(id ?? ''))
  const [only, other] = services
  if (only !== undefined && other === undefined) {
    return finish(directory, only, { target, meantService })
  }
  return meantService === undefined ? unknown(segment) : notGranted(meantService)
}

/** The service that the door names, before anybody is recognised: for the shape of a refusal. */
export function guessService(request: Head & { readonly target: string }, directory: Directory) {
  const { services } = directory.catalog
  const [segment] = cutSegment(request.target)
  const named = request.listener.service ?? serviceLabel(request.host) ?? ''
  const byHost = directory.hosts.get(request.host ?? '')?.[0]
  return services.get(named) ?? byHost ?? services.get(segment)
}

function finish(
  { catalog }: Directory,
  id: string,
  found: Partial<Omit<Route, 'service'>> & { readonly target: string },
): Result<Route, Refusal> {
  const service = catalog.services.get(id)
  if (!service) return unknown(id) // it was granted, and has left the catalogue since
  const [host, target] = cutHost(found.target)
  return ok({
    service,
    namedHost: host ?? found.namedHost,
    target,
    prefix: found.prefix ?? '',
    meantService: found.meantService,
  })
}

/** `stripe` of `stripe.proxy.example:8900`. */
function serviceLabel(host: string | undefined): string | undefined {
  const dot = host?.indexOf('.') ?? -1
  return dot > 0 ? host?.slice(0, dot) : undefined
}

/** `/stripe/v1/charges?limit=1` into `stripe` and `/v1/charges?limit=1`. */
function cutSegment(target: string): readonly [segment: string, rest: string] {
  const end = target.slice(1).search(/[/?]/) + 1
  if (end === 0) return [target.slice(1), '/']
  const rest = target.slice(end)
  return [target.slice(1, end), rest.startsWith('/') ? rest : `/${rest}`]
}

/** `/~files.stripe.com/v1/files` into the host and the path behind it. */
function cutHost(target: string): readonly [host: string | undefined, target: string] {
  if (!target.startsWith('/~')) return [undefined, target]
  const [segment, rest] = cutSegment(target)
  return segment.includes('.') ? [segment.slice(1).toLowerCase(), rest] : [undefined, target]
}

function notGranted(service: string): Result<never, Refusal> {
  return err({ reason: 'service_not_granted', service })
}

function unknown(segment: string): Result<never, Refusal> {
  return err({ reason: 'service_unknown', service: shown(segment) })
}

/** For the answer: cut, and nothing but what a service's name may have. */
function shown(segment: string): string {
  return segment.slice(0, 32).replace(/[^A-Za-z0-9._-]/g, '?')
}
