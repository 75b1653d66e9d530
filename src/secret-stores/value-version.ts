/** Versions for stores that have none: they change with the value and tell nothing of it. */

import { createHmac, type KeyObject } from 'node:crypto'
import type { Secret } from '../secret/secret.ts'

export type ValueVersion = (value: Secret) => string

/** Keyed, because a bare digest in a log would confirm a guess at a weak secret. */
export function createValueVersion(key: KeyObject): ValueVersion {
  return (value) => createHmac('sha256', key).update(value.reveal()).digest('hex').slice(0, 12)
}
