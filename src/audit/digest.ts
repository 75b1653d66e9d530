/**
 * Keyed digests: what stands in a record where a value may not. Equal values have equal digests,
 * so that one can be followed through the log; without the key nobody can test a guess.
 */

import { createHmac, type KeyObject } from 'node:crypto'

/** The first 16 hex characters of HMAC-SHA-256: enough to tell values apart, too few to be more. */
export function digestOf(key: KeyObject, value: string | Uint8Array): string {
  return createHmac('sha256', key).update(value).digest('hex').slice(0, 16)
}

/** The same inside text, where a segment of a path stood: `[redacted:18:9f86d081884c7d65]`. */
export function redactedText(key: KeyObject, value: string): string {
  return `[redacted:${value.length}:${digestOf(key, value)}]`
}
