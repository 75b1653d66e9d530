/**
 * Which addresses may be dialled. Names are resolved first: every address a name has must pass,
 * because an attacker who owns a name owns its addresses (DNS rebinding).
 *
 * The tables follow IANA's special-purpose registries; everything outside the ranges that are
 * known to be public counts as reserved.
 */

import { BlockList, isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type AddressClass =
  | 'public'
  | 'loopback'
  | 'private'
  | 'link_local'
  /** Answers with credentials of the machine that asks: never an upstream. */
  | 'metadata'
  /** Unspecified, multicast, documentation, benchmarking, tunnels, not assigned. */
  | 'reserved'
  | 'invalid'

interface Ranges {
  readonly v4: BlockList
  readonly v6: BlockList
}

const METADATA = listOf([
  '169.254.169.0/24', // AWS, Azure, Google, DigitalOcean, OpenStack, ...
  '169.254.170.0/24', // AWS container credentials
  '168.63.129.16/32', // Azure's host
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  'fd00:ec2::/32', // AWS
  'fd20:ce::/32', // Google
])
const LOOPBACK = listOf(['127.0.0.0/8', '::1/128'])
const LINK_LOCAL = listOf(['169.254.0.0/16', 'fe80::/10'])
const PRIVATE = listOf([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10', // carrier-grade NAT, and many overlay networks
  'fc00::/7',
])
const RESERVED = listOf([
  '0.0.0.0/8',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '2001::/23', // Teredo, ORCHID, benchmarking and other protocols
  '2001:db8::/32',
  '2002::/16', // 6to4 would reach any IPv4 address
  '3fff::/20',
])
/** The first that fits decides: metadata addresses lie inside wider ranges. */
const SPECIAL: readonly (readonly [AddressClass, Ranges])[] = [
  ['metadata', METADATA],
  ['loopback', LOOPBACK],
  ['link_local', LINK_LOCAL],
  ['private', PRIVATE],
  ['reserved', RESERVED],
]
const GLOBAL_V6 = listOf(['2000::/3'])

/** IPv6 addresses that mean an IPv4 address, which is then the one to judge. */
const EMBEDDING_V4 = listOf(['::ffff:0:0/96', '64:ff9b::/96'])

/** Judges an address in canonical form, as a resolver gives it; a zone (`%eth0`) changes nothing. */
export function classifyAddress(address: string): AddressClass {
  const bare = address.replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 0) return 'invalid'
  if (family === 6 && embedsV4(bare)) return classifyAddress(embeddedV4(bare))
  const special = SPECIAL.find(([, ranges]) => contains(ranges, bare))
  if (special !== undefined) return special[0]
  return family === 4 || contains(GLOBAL_V6, bare) ? 'public' : 'reserved'
}

/** True for an IPv6 address that is another spelling of an IPv4 address. */
export function embedsV4(address: string): boolean {
  return contains(EMBEDDING_V4, address)
}

/** An operator may allow what is near, but never what hands out the machine's own credentials. */
export function isForbidden(address: string, { allowPrivate }: { allowPrivate: boolean }): boolean {
  switch (classifyAddress(address)) {
    case 'public':
      return false
    case 'loopback':
    case 'private':
    case 'link_local':
      return !allowPrivate
    case 'metadata':
    case 'reserved':
    case 'invalid':
      return true
  }
}

/** Two lists, because one list of Node's would match IPv4 ranges against mapped addresses too. */
function listOf(ranges: readonly string[]): Ranges {
  const lists = { v4: new BlockList(), v6: new BlockList() }
  for (const range of ranges) {
    const [network = '', bits] = range.split('/')
    if (isIPv4(network)) lists.v4.addSubnet(network, Number(bits), 'ipv4')
    else lists.v6.addSubnet(network, Number(bits), 'ipv6')
  }
  return lists
}

function contains({ v4, v6 }: Ranges, address: string): boolean {
  return isIPv4(address) ? v4.check(address, 'ipv4') : v6.check(address, 'ipv6')
}

function embeddedV4(address: string): string {
  return ipaddr.parse(address).toByteArray().slice(-4).join('.')
}
