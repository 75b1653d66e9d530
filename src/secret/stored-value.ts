/** Whether somebody has the very value of a secret of ours. Only the answer leaves this file. */

import type { Secret } from './secret.ts'

/** A shorter value stands in many a text by chance. */
const SHORTEST = 16

/** Exact, as UTF-8: a value that was encoded in some way is not found. */
export function holdsStoredValue(text: string | Buffer, secret: Secret): boolean {
  const value = secret.reveal()
  return value.length >= SHORTEST && text.length >= value.length && text.includes(value)
}
