/**
 * A child token never does more, lives longer, or is bound less tightly than its parent.
 * What the child leaves open it inherits; what it asks for must lie inside.
 */

import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { cidrCovers, parseCidr } from './cidr.ts'
import { defined } from './defined.ts'
import type { Bindings, Limits } from './grant.ts'

/** Ancestors that a token may have. */
export const MAX_CHAIN_LENGTH = 8

/** The child's bindings under its parent's. A parent's key and first use always bind the child. */
export function narrowBindings(parent: Bindings, child: Bindings): Result<Bindings, string> {
  if (parent.dpop !== undefined && child.dpop !== undefined && child.dpop !== parent.dpop) {
    return err('its parent is bound to another dpop key')
  }
  if (child.cidr && !child.cidr.every((range) => isCovered(range, parent.cidr))) {
    return err("an address range lies outside its parent's")
  }
  return ok(
    defined({
      cidr: child.cidr ?? parent.cidr,
      dpop: parent.dpop ?? child.dpop,
      firstUse: [parent, child].some(({ firstUse }) => firstUse === true) || undefined,
    }),
  )
}

/** The child's limits under its parent's. */
export function narrowLimits(parent: Limits, child: Limits): Result<Limits, string> {
  const maxRequests = child.maxRequests ?? parent.maxRequests
  const ratePerSecond = child.ratePerSecond ?? parent.ratePerSecond
  if (exceeds(maxRequests, parent.maxRequests)) return err('its parent may make fewer requests')
  if (exceeds(ratePerSecond, parent.ratePerSecond)) return err('its parent has a lower rate')
  return ok(defined({ maxRequests, ratePerSecond }))
}

function isCovered(text: string, outer: readonly string[] | undefined): boolean {
  if (!outer) return true
  const range = parseCidr(text)
  return outer.some((candidate) => {
    const cover = parseCidr(candidate)
    return range !== undefined && cover !== undefined && cidrCovers(cover, range)
  })
}

function exceeds(value: number | undefined, bound: number | undefined): boolean {
  return value !== undefined && bound !== undefined && value > bound
}
