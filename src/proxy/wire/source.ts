/**
 * Where a request really comes from: the connection's peer, unless that is a load balancer of the
 * operator's. Then what it wrote at the right end of X-Forwarded-For; everything further left was
 * written by whoever it speaks for, and is believed only as far as that is trusted too.
 */

import { SocketAddress } from 'node:net'
import { cidrContains, parseAddress, parseCidr, type Address } from '../../policy/cidr.ts'
import type { HeaderField } from '../http1/fields.ts'

/** Whether an address belongs to a trusted proxy. */
export type IsTrusted = (address: string) => boolean

/** The source of a request with these fields that came from this peer. */
export type SourceReader = (peer: string, fields: readonly HeaderField[]) => string

/** `trusted` are address ranges, checked before; a text that is none trusts nobody. */
export function createTrust(trusted: readonly string[]): IsTrusted {
  const ranges = trusted.flatMap((text) => parseCidr(text) ?? [])
  if (ranges.length === 0) return () => false
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && ranges.some((range) => cidrContains(range, address))
  }
}

export function createSourceReader(trusted: readonly string[]): SourceReader {
  if (trusted.length === 0) return (peer) => peer
  const isTrusted = createTrust(trusted)
  return (peer, fields) => (isTrusted(peer) ? forwardedSource(peer, fields, isTrusted) : peer)
}

/** The first address from the right that is no trusted proxy, or the last that could be read. */
function forwardedSource(
  peer: string,
  fields: readonly HeaderField[],
  isTrusted: IsTrusted,
): string {
  let source = peer
  for (let index = fields.length - 1; index >= 0; index -= 1) {
    const [name, value] = fields[index] ?? ['', '']
    if (name !== 'x-forwarded-for') continue
    for (const entry of value.split(',').reverse()) {
      const address = readEntry(entry)
      // What cannot be read hides who stands behind it, so nothing left of it is believed.
      if (address === undefined) return source
      source = address
      if (!isTrusted(source)) return source
    }
  }
  return source
}

/** `[2001:db8::1]:443`, `192.0.2.1:443`, or a bare address; load balancers write all of them. */
const ENTRY =
  /^[ \t]*(?:\[(?<bracketed>[0-9A-Fa-f:.]{2,45})\](?::\d{1,5})?|(?<four>[0-9.]{7,15})(?::\d{1,5})?|(?<six>[0-9A-Fa-f:.]{2,45}))[ \t]*$/

function readEntry(entry: string): string | undefined {
  const { bracketed, four, six } = ENTRY.exec(entry)?.groups ?? {}
  if (bracketed !== undefined && !bracketed.includes(':')) return undefined
  const address = parseAddress(bracketed ?? four ?? six ?? '')
  return address && formatSource(address)
}

/** As the system writes it for a peer, so that one source has one spelling however it is known. */
export function formatSource({ family, bytes }: Address): string {
  if (family === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => {
    return (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16)
  })
  return new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address
}
