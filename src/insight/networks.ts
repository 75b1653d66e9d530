/** From addresses that were seen to the ranges that a token could be bound to. */

import { cidrContains, formatAddress, isLoopback, parseAddress, parseCidr } from '../policy/cidr.ts'
import type { Address } from '../policy/cidr.ts'

const MAX_RANGES = 4

/**
 * Few and narrow ranges that hold every address: the addresses themselves, else their /24 or /64
 * networks. Undefined when those are too many, or when something is no address.
 */
export function rangesOf(texts: readonly string[]): readonly string[] | undefined {
  const addresses = texts.map(parseAddress)
  if (addresses.length === 0 || !addresses.every((address) => address !== undefined))
    return undefined
  for (const rangeOf of [hostRange, networkRange]) {
    const ranges = [...new Set(addresses.map(rangeOf))].sort()
    if (ranges.length <= MAX_RANGES && holdsAll(ranges, addresses)) return ranges
  }
  return undefined
}

/** One machine has many loopback addresses, and a token that is used there means all of them. */
function hostRange(address: Address): string {
  if (isLoopback(address)) return address.family === 4 ? '127.0.0.0/8' : '::1/128'
  return `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`
}

function networkRange(address: Address): string {
  if (isLoopback(address)) return hostRange(address)
  const [kept, prefix] = address.family === 4 ? [3, 24] : [8, 64]
  const bytes = address.bytes.map((byte, index) => (index < kept ? byte : 0))
  return `${formatAddress({ ...address, bytes })}/${prefix}`
}

function holdsAll(ranges: readonly string[], addresses: readonly Address[]): boolean {
  const parsed = ranges.map(parseCidr)
  return addresses.every((address) =>
    parsed.some((range) => range !== undefined && cidrContains(range, address)),
  )
}
