/**
 * Where a token may be used from: how an operator writes it, and whether a source satisfies it.
 * A DPoP proof is checked by token/dpop.ts; here stands only which key it must be made with.
 */

import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import {
  cidrContains,
  formatAddress,
  formatCidr,
  isLoopback,
  parseAddress,
  parseCidr,
} from './cidr.ts'
import { defined } from './defined.ts'
import type { Bindings } from './grant.ts'
import type { StoredGrant } from './grant-store.ts'
import type { Refusal } from './refusal.ts'

export const MAX_CIDR_RANGES = 32

const WORD = /^(?:cidr=|dpop=|first-use$)/

/** RFC 7638: a SHA-256 digest in base64url; the last character carries four bits only. */
const THUMBPRINT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Reads `cidr=10.0.0.0/8` (repeatable), `dpop=<jkt>` and `first-use`; the error is a sentence. */
export function parseBindings(words: readonly string[]): Result<Bindings, string> {
  const strange = words.find((word) => !WORD.test(word))
  if (strange !== undefined) return err(unknownBinding(strange))
  const ranges = valuesOf(words, 'cidr=')
  const [dpop, ...others] = valuesOf(words, 'dpop=')
  if (others.length > 0) return err('a token is bound to one dpop key')
  const firstUse = words.includes('first-use') || undefined
  return checkBindings(defined({ cidr: ranges.length > 0 ? ranges : undefined, dpop, firstUse }))
}

/** Checks bindings that arrived as data, and returns them with ranges in their one spelling. */
export function checkBindings({ cidr, dpop, firstUse }: Bindings): Result<Bindings, string> {
  if (dpop !== undefined && !THUMBPRINT.test(dpop)) {
    return err('dpop needs the SHA-256 thumbprint of a key (RFC 7638), 43 characters')
  }
  const ranges = cidr && checkRanges(cidr)
  if (ranges && !ranges.ok) return ranges
  return ok(defined({ cidr: ranges?.value, dpop, firstUse: firstUse === true || undefined }))
}

function checkRanges(texts: readonly string[]): Result<readonly string[], string> {
  // An empty list would say "from nowhere", and must not come out as "from anywhere".
  if (texts.length === 0 || texts.length > MAX_CIDR_RANGES) {
    return err(`cidr takes 1 to ${MAX_CIDR_RANGES} address ranges`)
  }
  const ranges = texts.map(parseCidr)
  if (!ranges.every((range) => range !== undefined)) {
    return err('cidr needs an address range without host bits, as 10.0.0.0/8')
  }
  return ok(ranges.map(formatCidr))
}

/** Judges the address part: ranges, and the address that first use was fixed to, if it was yet. */
export function refuseSource(grant: StoredGrant, source: string): Refusal | undefined {
  const { cidr, firstUse } = grant.bindings
  if (!cidr && !firstUse) return undefined
  const address = parseAddress(source)
  if (cidr && !cidr.some((text) => isInside(text, address))) {
    return { reason: 'binding_mismatch', binding: 'cidr' }
  }
  if (!firstUse) return undefined
  const candidate = firstUseAddress(source)
  const holds = candidate !== undefined && candidate === (grant.boundAddress ?? candidate)
  return holds ? undefined : { reason: 'binding_mismatch', binding: 'first-use' }
}

/**
 * The spelling under which a first-use binding keeps this source. Undefined for loopback, which
 * every program on the machine shares, and for text that is no address: those may never bind.
 */
export function firstUseAddress(source: string): string | undefined {
  const address = parseAddress(source)
  return address && !isLoopback(address) ? formatAddress(address) : undefined
}

function isInside(text: string, address: ReturnType<typeof parseAddress>): boolean {
  const range = parseCidr(text)
  return range !== undefined && address !== undefined && cidrContains(range, address)
}

function valuesOf(words: readonly string[], start: string): string[] {
  return words.filter((word) => word.startsWith(start)).map((word) => word.slice(start.length))
}

function unknownBinding(word: string): string {
  if (word.startsWith('mtls=')) return 'mtls bindings are not built yet'
  return 'a binding is cidr=RANGE, dpop=THUMBPRINT or first-use'
}
