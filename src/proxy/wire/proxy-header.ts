/**
 * The PROXY protocol, version 2: what a load balancer says about a connection before its first byte.
 *
 *     0   12   0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a
 *     12   1   version 2 (high half), command: 0 LOCAL, 1 PROXY
 *     13   1   family and transport: 00 unknown, 11 TCP over IPv4, 21 TCP over IPv6, 31 UNIX stream
 *     14   2   length of the rest: addresses, then records that say nothing about the source
 *
 * Version 1 is text without a bound that a client could imitate by accident, and is refused.
 */

import { parseAddress } from '../../policy/cidr.ts'
import { formatSource } from './source.ts'

export type ProxyHeader =
  /** The header is not whole yet. */
  | { readonly kind: 'more' }
  | { readonly kind: 'refused'; readonly problem: string }
  /** `length` bytes are the header's; no source: the peer speaks for itself, or does not know. */
  | { readonly kind: 'done'; readonly length: number; readonly source: string | undefined }

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const HEAD_BYTES = 16
/** The address block of UNIX sockets and as much again for records; none is larger in practice. */
const MAX_BYTES = 536
const LOCAL = 0x20
const PROXY = 0x21
const FAMILIES: ReadonlyMap<number, { readonly bytes: number; readonly read: SourceOf }> = new Map([
  [0x00, { bytes: 0, read: () => undefined }],
  [0x11, { bytes: 12, read: (block: Buffer) => sourceV4(block) }],
  [0x21, { bytes: 36, read: (block: Buffer) => sourceV6(block) }],
  [0x31, { bytes: 216, read: () => undefined }],
])

type SourceOf = (block: Buffer) => string | undefined

const MORE: ProxyHeader = { kind: 'more' }

/** Reads the header at the start of what a connection sent so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length)
  if (bytes.compare(SIGNATURE, 0, known, 0, known) !== 0)
    return refused('the connection does not begin with a PROXY protocol v2 header')
  const command = bytes[12]
  if (command === undefined) return MORE
  if (command !== LOCAL && command !== PROXY)
    return refused('the PROXY header has an unknown version or command')
  if (bytes.length < HEAD_BYTES) return MORE
  const length = HEAD_BYTES + bytes.readUInt16BE(14)
  if (length > MAX_BYTES) return refused('the PROXY header is too long')
  if (bytes.length < length) return MORE
  // The balancer's own connection, as a health check: what it says of addresses has no meaning.
  if (command === LOCAL) return { kind: 'done', length, source: undefined }
  return readAddresses(bytes.subarray(HEAD_BYTES, length), bytes[13] ?? 0)
}

function readAddresses(block: Buffer, code: number): ProxyHeader {
  const family = FAMILIES.get(code)
  if (!family) return refused('the PROXY header is about no TCP connection')
  if (block.length < family.bytes) return refused('the PROXY header is too short for its addresses')
  return { kind: 'done', length: HEAD_BYTES + block.length, source: family.read(block) }
}

const sourceV4 = (block: Buffer): string => block.subarray(0, 4).join('.')

/** An IPv4 source in its IPv6 form comes out as what it is. */
function sourceV6(block: Buffer): string | undefined {
  const groups = Array.from({ length: 8 }, (_, index) => block.readUInt16BE(index * 2).toString(16))
  const address = parseAddress(groups.join(':'))
  return address && formatSource(address)
}

const refused = (problem: string): ProxyHeader => ({ kind: 'refused', problem })
