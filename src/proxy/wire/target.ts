/** The forms of a request target (RFC 9112 3.2). */

import type { RequestHead } from '../http1/request-head.ts'

const ABSOLUTE = /^https?:\/\/(?<authority>[^/?#]+)(?<rest>.*)$/i

/**
 * The target as the doors expect it. An absolute one is a path behind an authority, and only the
 * authority of the Host field will do: we are nobody's forward proxy. Undefined for another.
 */
export function originForm({
  target,
  host,
}: Pick<RequestHead, 'target' | 'host'>): string | undefined {
  if (target.startsWith('/')) return target
  const { authority, rest = '' } = ABSOLUTE.exec(target)?.groups ?? {}
  if (authority === undefined) return target // `*`, which no rule allows
  if (authority.toLowerCase() !== host) return undefined
  return rest.startsWith('/') ? rest : `/${rest}`
}
