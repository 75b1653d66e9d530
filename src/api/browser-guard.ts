/**
 * Keeps web pages away from a control plane on the operator's own machine: a Host that is not
 * ours is DNS rebinding, an Origin that is not the Host is another site's script.
 */

import { isIP } from 'node:net'
import { err, ok, type Result } from '../base/result.ts'
import type { ApiProblem } from './problem.ts'

export interface ServedHosts {
  /** The address or name that the control plane listens on. */
  readonly listenHost: string
  /** Further names that it is reached by, as behind a load balancer. */
  readonly names: readonly string[]
}

export type BrowserGuard = (headers: Headers) => Result<undefined, ApiProblem>

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const WILDCARDS = ['0.0.0.0', '::', '[::]']
const PORT = /:\d{1,5}$/

export function createBrowserGuard({ listenHost, names }: ServedHosts): BrowserGuard {
  const served = new Set([...LOOPBACK, ...[listenHost, ...names].map(asHostName)])
  // Rebinding needs a name; on a wildcard listener our own addresses are not known by text.
  const servesAddresses = WILDCARDS.includes(listenHost)

  const isServed = (host: string) => {
    const name = host.toLowerCase().replace(PORT, '')
    return served.has(name) || (servesAddresses && isIP(name.replace(/^\[|\]$/g, '')) !== 0)
  }

  return (headers) => {
    const host = headers.get('host') ?? ''
    if (!isServed(host))
      return err({
        code: 'host_forbidden',
        detail: 'The Host header names no host of this control plane.',
      })
    if (!isSameSite(headers, host))
      return err({
        code: 'origin_forbidden',
        detail: 'Requests that a page of another site makes are refused.',
      })
    return ok(undefined)
  }
}

/** Programs send neither header; browsers send both, and a page cannot change them. */
function isSameSite(headers: Headers, host: string): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return false
  const origin = headers.get('origin')
  return origin === null || URL.parse(origin)?.host === host.toLowerCase()
}

function asHostName(name: string): string {
  return (isIP(name) === 6 ? `[${name}]` : name).toLowerCase()
}
