/** Public identifiers: safe in logs and lists, useless as credentials. */

import { randomFillSync } from 'node:crypto'
import { randomBase62 } from './bytes.ts'

export type IdPrefix = 'tok' | 'agt' | 'op' | 'ses' | 'alt' | 'mut' | 'msg'

/** `tok_` and 20 random base62 characters (119 bits). */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBase62(20)}`
}

const REQUEST_ID_BYTES = 16

/** Random bytes for many ids at once: asking the system for each takes longer than making the text. */
const pool = Buffer.allocUnsafeSlow(1024 * REQUEST_ID_BYTES)
let used = pool.length

/** One per request: `req_` and 32 hex characters (128 bits). */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const from = used
  used += REQUEST_ID_BYTES
  return `req_${pool.toString('hex', from, used)}`
}
