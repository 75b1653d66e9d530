/**
 * Origins as operators write them: one spelling each. Whatever a resolver, a URL parser and a
 * reader could understand differently is refused, before any name is resolved.
 */

import { isIP, isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { err, ok, type Result } from '../base/result.ts'
import { embedsV4, isForbidden } from './address-guard.ts'

export interface Origin {
  readonly protocol: 'http:' | 'https:'
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string
  readonly port: number
}

export interface OriginProblem {
  readonly problem: string
}

const ORIGIN =
  /^(?<protocol>https?:)\/\/(?:\[(?<v6>[^\]]*)\]|(?<name>[^:/?#@\\[\]]+))(?::(?<port>[0-9]{1,5}))?$/
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** A last label of this form makes URL parsers read the whole name as an IPv4 address. */
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/
/** Names of services that hand out a machine's own credentials, in every cloud that has a name for it. */
const METADATA_NAME =
  /^(?:metadata(?:\.google\.internal|\.goog|\.azure\.com|\.tencentyun\.com)?|instance-data(?:\.ec2\.internal)?)$/
/** Names that mean this machine or its cloud without a resolver. */
const LOCAL_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|home\.arpa)$/

/** Reads `https://host[:port]`; `allowPrivate` is the operator's word for this origin. */
export function parseOrigin(
  text: string,
  { allowPrivate }: { allowPrivate: boolean },
): Result<Origin, OriginProblem> {
  const parts = readParts(text)
  if (parts === undefined)
    return err({ problem: 'an origin is https://host or https://host:port, and nothing more' })
  const problem = hostProblem(parts.hostname) ?? localProblem(parts.hostname, allowPrivate)
  if (problem !== undefined) return err({ problem })
  if (parts.port < 1 || parts.port > 65_535)
    return err({ problem: 'the port is not between 1 and 65535' })
  return ok(parts)
}

function readParts(text: string): Origin | undefined {
  const { protocol, v6, name, port } = ORIGIN.exec(text)?.groups ?? {}
  const hostname = v6 ?? name
  if ((protocol !== 'http:' && protocol !== 'https:') || hostname === undefined) return undefined
  if (isIPv6(hostname) !== (v6 !== undefined)) return undefined
  return { protocol, hostname, port: Number(port ?? (protocol === 'https:' ? 443 : 80)) }
}

/** Why this host can be no destination at all; undefined for a plain name or a canonical address. */
export function hostProblem(hostname: string): string | undefined {
  if (isIPv4(hostname)) return undefined
  if (isIPv6(hostname)) return v6Problem(hostname)
  const labels = hostname.split('.')
  if (hostname.length > 253 || !labels.every((label) => LABEL.test(label)))
    return 'the host is not a usable name: lower-case letters, digits and hyphens, no dot at its end'
  if (NUMERIC.test(labels.at(-1) ?? '')) return 'the host is an address in an unusual form'
  return undefined
}

/** One spelling per address, no zone, and no IPv4 address in disguise. */
function v6Problem(address: string): string | undefined {
  const isPlain = !address.includes('%') && !address.includes('.')
  const isCanonical =
    isPlain && !embedsV4(address) && ipaddr.IPv6.parse(address).toRFC5952String() === address
  return isCanonical ? undefined : 'the host is an address in an unusual form'
}

/**
 * Why a host must not be asked for where somebody else resolves its name; undefined when its text
 * speaks against nothing. What the name resolves to there stays unknown.
 */
export function unresolvedProblem(hostname: string, allowPrivate: boolean): string | undefined {
  if (METADATA_NAME.test(hostname)) return 'the host hands out credentials of machines'
  return hostProblem(hostname) ?? localProblem(hostname, allowPrivate)
}

function localProblem(hostname: string, allowPrivate: boolean): string | undefined {
  const isLocal =
    isIP(hostname) === 0
      ? !allowPrivate && (LOCAL_NAME.test(hostname) || !hostname.includes('.'))
      : isForbidden(hostname, { allowPrivate })
  return isLocal ? 'the host is not on the public internet' : undefined
}
