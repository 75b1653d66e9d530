/** From a target's name to addresses that may be dialled, each of them checked. */

import { lookup as resolveName } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { DialTarget } from '../base/dial.ts'
import { Failure } from '../base/errors.ts'
import { classifyAddress, isForbidden } from './address-guard.ts'
import type { Endpoint } from './connect.ts'
import { hostProblem } from './origin.ts'

/** All addresses of a name, in the order to try them. */
export type Lookup = (hostname: string) => Promise<readonly { readonly address: string }[]>

export const systemLookup: Lookup = (hostname) =>
  resolveName(hostname, { all: true, order: 'verbatim' })

export interface Resolving {
  readonly lookup: Lookup
  readonly signal: AbortSignal
}

type CheckedTarget = Pick<DialTarget, 'protocol' | 'hostname' | 'allowPrivateAddress'>

/** Literal addresses and resolved ones take the same check. */
export async function resolveChecked(
  target: CheckedTarget,
  resolving: Resolving,
): Promise<readonly Endpoint[]> {
  const addresses = await resolve(target.hostname, resolving)
  return addresses.map((address) => checked(address, target))
}

export async function resolve(
  hostname: string,
  { lookup, signal }: Resolving,
): Promise<readonly string[]> {
  if (hostProblem(hostname) !== undefined)
    throw new Failure('address_forbidden', 'the upstream host is not a plain name or address')
  if (isIP(hostname) !== 0) return [hostname]
  const found = await unlessAborted(lookup(hostname), signal)
  if (found.length === 0) throw new Failure('upstream_unreachable', 'the name has no address')
  return found.map(({ address }) => address)
}

/** One bad address spoils all: which of them would be dialled is the attacker's to arrange. */
function checked(address: string, target: CheckedTarget): Endpoint {
  const kind = classifyAddress(address)
  if (isForbidden(address, { allowPrivate: target.allowPrivateAddress === true }))
    throw new Failure('address_forbidden', `the upstream has an address that is ${kind}`)
  // Plain text would show the credential to everyone on the way; on this machine there is none.
  if (target.protocol === 'http:' && kind !== 'loopback')
    throw new Failure('upstream_tls_invalid', 'an upstream without TLS must be on this machine')
  if (target.protocol === 'tcp:' && kind === 'public')
    throw new Failure('upstream_tls_invalid', 'without TLS nothing goes to a public address')
  return { address, family: isIP(address) === 4 ? 4 : 6 }
}

/** Lookups cannot be cancelled, only left behind. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => {
    reject(new Error('aborted'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  work.then(settle, reject).finally(() => {
    signal.removeEventListener('abort', onAbort)
  })
  return promise
}
