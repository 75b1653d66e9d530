/** Public identifiers: safe in logs and lists, useless as credentials. */

import { randomUUID } from 'node:crypto'
import { randomBase62 } from './bytes.ts'

export type IdPrefix = 'tok' | 'agt' | 'op' | 'ses'

/** `tok_` and 20 random base62 characters (119 bits). */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBase62(20)}`
}

/** One per request. Made from `randomUUID`, which Node batches: the cheapest random there is. */
export function newRequestId(): string {
  return `req_${randomUUID().replaceAll('-', '')}`
}
