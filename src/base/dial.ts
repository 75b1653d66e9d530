/** How a connection is opened. network/ implements it with the address guard; nobody else dials. */

import type { Socket } from 'node:net'

export interface DialTarget {
  /** `http:` has no TLS and stays on this machine; `tcp:` has none and stays in private networks. */
  readonly protocol: 'http:' | 'https:' | 'tcp:'
  readonly hostname: string
  readonly port: number
  /** TLS server name and certificate name; the hostname unless an operator's origin says otherwise. */
  readonly servername?: string
  /** PEM certificates to trust instead of the public roots. */
  readonly ca?: string
  /** Loopback, private and link-local addresses are refused unless the operator allowed them. */
  readonly allowPrivateAddress?: boolean
  readonly connectTimeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Resolves the name, checks every address, connects to a checked one and verifies the certificate.
 * Throws `address_forbidden`, `upstream_unreachable`, `upstream_timeout` or `upstream_tls_invalid`.
 */
export type Dial = (target: DialTarget) => Promise<Socket>

export type DatagramTarget = Pick<
  DialTarget,
  'hostname' | 'port' | 'allowPrivateAddress' | 'connectTimeoutMs'
>

/**
 * Resolves and checks as `Dial` does with `tcp:`, then sends one datagram to the first address.
 * Resolves when it has left this machine; nobody knows whether it arrives.
 */
export type SendDatagram = (target: DatagramTarget, bytes: Buffer) => Promise<void>
