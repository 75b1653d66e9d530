/** A version for sources that have none: it changes when the value does, and tells nothing of it. */

import { createHmac, type KeyObject } from 'node:crypto'
import type { Secret } from './secret.ts'

/** Keyed, because a bare digest in a log would confirm a guess of a weak secret. */
export function valueVersion(value: Secret, key: KeyObject): string {
  return createHmac('sha256', key).update(value.reveal()).digest('hex').slice(0, 12)
}
