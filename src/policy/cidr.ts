/**
 * Addresses and address ranges as bytes, without the net module: pure, so decide() can ask.
 *
 * An IPv4 address inside IPv6 (::ffff:10.0.0.1) is the IPv4 address, in ranges too; otherwise the
 * families never match each other, so `::/0` says nothing about IPv4.
 */

export interface Address {
  readonly family: 4 | 6
  /** 4 or 16 of them. */
  readonly bytes: readonly number[]
}

export interface Cidr extends Address {
  readonly prefixLength: number
}

const OCTET = /^(?:0|[1-9]\d{0,2})$/
const GROUP = /^[0-9A-Fa-f]{1,4}$/
const CIDR = /^([0-9A-Fa-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]

/** Reads an address in one of its usual spellings; no zone, no octal, no short forms. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) return parseIpv4(text)
  const bytes = parseIpv6(text)
  if (!bytes) return undefined
  return isMapped(bytes) ? { family: 4, bytes: bytes.slice(12) } : { family: 6, bytes }
}

/** Reads `10.0.0.0/8` or a bare address; undefined when bits below the prefix are set. */
export function parseCidr(text: string): Cidr | undefined {
  const [addressText = '', lengthText] = CIDR.exec(text)?.slice(1) ?? []
  const address = parseAddress(addressText)
  if (!address) return undefined
  const bits = address.bytes.length * 8
  // A mapped address was shortened to its last 32 bits, and so is its prefix.
  const cut = address.family === 4 && addressText.includes(':') ? 96 : 0
  const cidr = { ...address, prefixLength: lengthText ? Number(lengthText) - cut : bits }
  return isPossible(cidr) && !hasHostBits(cidr) ? cidr : undefined
}

export function cidrContains(cidr: Cidr, address: Address): boolean {
  if (cidr.family !== address.family) return false
  return cidr.bytes.every((byte, index) => {
    const mask = maskAt(cidr.prefixLength, index)
    return (byte & mask) === ((address.bytes[index] ?? 0) & mask)
  })
}

/** True when every address of `inner` is in `outer`. */
export function cidrCovers(outer: Cidr, inner: Cidr): boolean {
  return inner.prefixLength >= outer.prefixLength && cidrContains(outer, inner)
}

export function isLoopback({ family, bytes }: Address): boolean {
  if (family === 4) return bytes[0] === 127
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0))
}

/** One spelling per address, so that text can be compared. */
export function formatAddress({ family, bytes }: Address): string {
  if (family === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => {
    const value = ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)
    return value.toString(16)
  })
  return groups.join(':')
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr)}/${cidr.prefixLength}`
}

function parseIpv4(text: string): Address | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part))) return undefined
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? { family: 4, bytes } : undefined
}

function parseIpv6(text: string): number[] | undefined {
  const halves = withHexTail(text)?.split('::')
  if (!halves || halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  if (![...head, ...tail].every((group) => GROUP.test(group))) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail]
  return groups.flatMap((group) => {
    const value = parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}

/** `::ffff:1.2.3.4` with its dotted end in hex; undefined when that end is no IPv4 address. */
function withHexTail(text: string): string | undefined {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const tail = parseIpv4(text.slice(start))
  if (!tail) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = tail.bytes
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function isMapped(bytes: readonly number[]): boolean {
  return MAPPED_PREFIX.every((byte, index) => bytes[index] === byte)
}

function isPossible({ bytes, prefixLength }: Cidr): boolean {
  return prefixLength >= 0 && prefixLength <= bytes.length * 8
}

function hasHostBits({ bytes, prefixLength }: Cidr): boolean {
  return bytes.some((byte, index) => (byte & ~maskAt(prefixLength, index) & 255) !== 0)
}

/** The byte of the netmask at this index. */
function maskAt(prefixLength: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - index * 8))
  return (255 << (8 - bits)) & 255
}
