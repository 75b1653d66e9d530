/**
 * Which requests may become something else than HTTP: a WebSocket handshake, where a rule of the
 * service says `websocket: true`. Any other upgrade is an offer, and is left unanswered (HF-12).
 */

import type { Operation } from '../../catalog/catalog.ts'
import type { WireRequest } from '../wire/message.ts'
import { headerValue } from './headers.ts'

type Offering = Pick<WireRequest, 'method' | 'fields' | 'upgrade'>

/** The protocol to ask the upstream for; undefined for an ordinary request. */
export function upgradeOf(
  { method, upgrade }: Offering,
  { allowsUpgrade }: Pick<Operation, 'allowsUpgrade'>,
): string | undefined {
  return allowsUpgrade && upgrade === 'websocket' && method === 'GET' ? upgrade : undefined
}

/** Whether a WebSocket is asked for that no rule allows, or not in the way RFC 6455 4.1 has it. */
export function isUpgradeRefused(
  request: Offering,
  operation: Pick<Operation, 'allowsUpgrade'>,
): boolean {
  const offered = headerValue(request.fields, 'upgrade')?.toLowerCase()
  return offered?.includes('websocket') === true && upgradeOf(request, operation) === undefined
}
