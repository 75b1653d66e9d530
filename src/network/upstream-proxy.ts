/**
 * Which upstreams are reached through the proxy of the operator's network. It resolves their names
 * itself, so of the address guard only what the name's text shows is left on this way.
 */

import { isIP } from 'node:net'
import type { DialTarget } from '../base/dial.ts'
import { Failure } from '../base/errors.ts'
import { classifyAddress } from './address-guard.ts'
import { unresolvedProblem } from './origin.ts'

export interface UpstreamProxy {
  /** May be private: the operator wrote it down. */
  readonly host: string
  readonly port: number
  /** Names, `*.suffixes` and addresses that are dialled directly. */
  readonly exempt: readonly string[]
  /** Value of Proxy-Authorization; asked for each connection. */
  readonly authorization?: (() => Promise<string | undefined>) | undefined
}

/** This machine's own services are never behind it, and nothing goes there without TLS inside. */
export function isProxied({ protocol, hostname }: DialTarget, { exempt }: UpstreamProxy): boolean {
  if (protocol !== 'https:' || isThisMachine(hostname)) return false
  return !exempt.some((rule) =>
    rule.startsWith('*.') ? hostname.endsWith(rule.slice(1)) : hostname === rule,
  )
}

/** Throws `address_forbidden` for what the dialler would refuse whatever a resolver says. */
export function refuseForbidden({ hostname, allowPrivateAddress = false }: DialTarget): void {
  const problem = unresolvedProblem(hostname, allowPrivateAddress)
  if (problem !== undefined) throw new Failure('address_forbidden', problem)
}

export function authorityOf({ hostname, port }: Pick<DialTarget, 'hostname' | 'port'>): string {
  return isIP(hostname) === 6 ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

function isThisMachine(hostname: string): boolean {
  return isIP(hostname) === 0
    ? /(?:^|\.)localhost$/.test(hostname)
    : classifyAddress(hostname) === 'loopback'
}
