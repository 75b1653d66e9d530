/**
 * Which of a client's headers go on to the upstream: all of them, in order and as spelled, but for
 * those that end at a proxy, that carried the phantom, or that would be believed about the client.
 *
 * Done before the rules judge and before the credential is injected, so that what was judged is
 * what leaves, and `Connection: Authorization` removes the client's header, never ours (HF-09).
 */

import type { Operation } from '../../catalog/catalog.ts'
import type { Service } from '../../catalog/service.ts'
import type { HeaderField, WireRequest } from '../wire/message.ts'
import { PHANTOM_HEADER } from './accept.ts'
import { hideTokens, holdsBasicToken } from './candidate.ts'

/** Fields with their spelling, by the same index. */
export interface HeaderList {
  readonly fields: readonly HeaderField[]
  readonly spelling: readonly string[]
  /** What `Connection` names does not leave, and the guards judge it all the same. */
  readonly named: readonly HeaderField[]
}

/** RFC 9110 7.6.1, and what is about this connection or this proxy only. */
const ENDS_HERE = [
  'accept-encoding',
  'connection',
  'content-length',
  'dpop',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'sec-websocket-extensions',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
  PHANTOM_HEADER,
]

const HARMLESS_OPTIONS = new Set(['keep-alive', 'close'])

/** The headers that leave with this operation, before injection. */
export function forwardable(
  request: Pick<WireRequest, 'fields' | 'spelling'>,
  operation: Operation,
): HeaderList {
  const { names, protocolPrefixes } = ownPlaces(operation)
  const options = connectionOptions(request.fields)
  const named: HeaderField[] = []
  const fields: HeaderField[] = []
  const spelling: string[] = []
  for (const [index, field] of request.fields.entries()) {
    const [name, value] = field
    if (isOurs(name, operation, names) || holdsBasicToken(value)) continue
    if (options?.has(name) === true) {
      named.push(field)
      continue
    }
    const passing = passingValue(field, protocolPrefixes)
    if (passing === '' && value !== '') continue
    fields.push(passing === value ? field : [name, passing])
    spelling.push(request.spelling[index] ?? name)
  }
  fields.push(IDENTITY)
  spelling.push('Accept-Encoding')
  return { fields, spelling, named }
}

/** What a field says without any token of ours; nothing where that was all. */
function passingValue([name, value]: HeaderField, protocolPrefixes: readonly string[]): string {
  return hideTokens(name === PROTOCOL ? withoutKeys(value, protocolPrefixes) : value)
}

/** Whether a field ends here, whatever `Connection` says. */
function isOurs(name: string, operation: Operation, removed: ReadonlySet<string>): boolean {
  return removed.has(name) || name.startsWith('x-forwarded-') || isRange(name, operation)
}

/** A coded answer could not be scanned for credentials, nor its URLs rewritten. */
const IDENTITY: HeaderField = ['accept-encoding', 'identity']

/** Takes out headers that a guard strips; their names are in lower case. */
export function without(list: HeaderList, names: readonly string[]): HeaderList {
  if (names.length === 0) return list
  const isKept = (index: number) => !names.includes(list.fields[index]?.[0] ?? '')
  return {
    fields: list.fields.filter((_, index) => isKept(index)),
    spelling: list.spelling.filter((_, index) => isKept(index)),
    named: list.named,
  }
}

/** The first value of a header; undefined when it is absent. */
export function headerValue(fields: readonly HeaderField[], name: string): string | undefined {
  for (const field of fields) if (field[0] === name) return field[1]
  return undefined
}

/** What is a service's own place, so that a client's word in it does not pass. */
interface OwnPlaces {
  readonly names: ReadonlySet<string>
  /** Of subprotocols that are keys, beside others that are none. */
  readonly protocolPrefixes: readonly string[]
}

const placesByService = new WeakMap<Service, OwnPlaces>()

/**
 * Names that never pass: of the connection, of the service's places for keys, and of what will be
 * injected. A host that takes the caller's own key keeps it.
 */
function ownPlaces({ service, host }: Operation): OwnPlaces {
  const isPassthrough = service.hosts.some(
    ({ name, auth }) => name === host && auth === 'passthrough',
  )
  if (isPassthrough) return PASSTHROUGH
  const known = placesByService.get(service)
  if (known) return known
  const names = new Set([...ENDS_HERE, ...service.stripHeaders])
  const protocolPrefixes: string[] = []
  for (const place of [...service.accept, ...service.inject]) {
    // What is injected only where the secret has it is the guards' to judge, when a client sends it.
    const isGuarded = 'optional' in place && place.optional
    if (place.in === 'header' && !isGuarded) names.add(place.name.toLowerCase())
    if (place.in === 'websocket_protocol') protocolPrefixes.push(place.prefix)
  }
  const places = { names, protocolPrefixes }
  placesByService.set(service, places)
  return places
}

const PASSTHROUGH: OwnPlaces = { names: new Set(ENDS_HERE), protocolPrefixes: [] }

const PROTOCOL = 'sec-websocket-protocol'

/** The subprotocols that are none of a service's keys: the upstream must still choose one (RFC 6455 4.2.2). */
function withoutKeys(value: string, prefixes: readonly string[]): string {
  if (prefixes.length === 0) return value
  const isKept = (item: string) => !prefixes.some((prefix) => item.trim().startsWith(prefix))
  return value.split(',').filter(isKept).join(',').trim()
}

/** Headers that the client declared to be for this hop; undefined when it named none. */
function connectionOptions(fields: readonly HeaderField[]): ReadonlySet<string> | undefined {
  let options: Set<string> | undefined
  for (const [name, value] of fields) {
    if (name !== 'connection' || HARMLESS_OPTIONS.has(value.toLowerCase())) continue
    options ??= new Set()
    for (const option of value.split(',')) options.add(option.trim().toLowerCase())
  }
  return options
}

/** Halves of a secret in two partial answers would pass the scrubber (CE-05). */
function isRange(name: string, { allowsRanges }: Operation): boolean {
  return !allowsRanges && (name === 'range' || name === 'if-range')
}
