/**
 * A token in the request target: where a service declares a slot for it, and everywhere else a
 * mistake, because URLs end up in logs and histories.
 */

import type { AcceptIndex } from './accept.ts'
import { findEmbedded } from './candidate.ts'

export interface TargetSlot {
  readonly kind: 'declared'
  readonly place: string
  readonly token: string
  /** The target without the token. */
  readonly target: string
}

export type TokenInTarget = { readonly kind: 'none' } | { readonly kind: 'stray' } | TargetSlot

/** Stands in a path slot until the credential is injected there. */
export const SLOT_FILLER = '-'

const ESCAPED_UNRESERVED = /%(?:5f|[3][0-9]|[46][1-9a-f]|[57][0-9a])/gi

/** Looks for a token of ours in the target; one that is percent-encoded is always a stray. */
export function findInTarget(target: string, index: AcceptIndex): TokenInTarget {
  const token = findEmbedded(target)
  if (token === undefined) {
    return target.includes('%') && findEmbedded(decodeUnreserved(target)) !== undefined
      ? { kind: 'stray' }
      : { kind: 'none' }
  }
  const start = target.indexOf(token)
  const before = target.slice(0, start)
  const after = target.slice(start + token.length)
  const slot = findPathSlot(before, after, index) ?? findQueryField(before, after, index)
  if (!slot || findEmbedded(slot.target) !== undefined) return { kind: 'stray' }
  return { kind: 'declared', token, ...slot }
}

type Slot = Pick<TargetSlot, 'place' | 'target'>

function findPathSlot(before: string, after: string, { pathSlots }: AcceptIndex): Slot | undefined {
  if (before.includes('?') || !/^(?:[/?]|$)/.test(after)) return undefined
  const isDeclared = pathSlots.some(({ pattern }) => {
    const [literal, rest] = pattern.split('{token}')
    return literal !== undefined && rest !== undefined && before.endsWith(literal)
  })
  return isDeclared ? { place: 'the path', target: `${before}${SLOT_FILLER}${after}` } : undefined
}

function findQueryField(
  before: string,
  after: string,
  { queryFields }: AcceptIndex,
): Slot | undefined {
  const start = Math.max(before.lastIndexOf('?'), before.lastIndexOf('&'))
  const field = before.slice(start + 1)
  const isWhole = after === '' || after.startsWith('&')
  if (!isWhole || !field.endsWith('=') || !queryFields.has(field.slice(0, -1))) return undefined
  const kept = before.slice(0, start)
  const rest = after.slice(1)
  if (rest === '') return { place: 'the query', target: kept }
  return { place: 'the query', target: `${kept}${before.charAt(start)}${rest}` }
}

/** As upstreams read it: escapes of letters, digits and `_` undone. */
export function decodeUnreserved(text: string): string {
  return text.replace(ESCAPED_UNRESERVED, (escape) =>
    String.fromCharCode(parseInt(escape.slice(1), 16)),
  )
}
