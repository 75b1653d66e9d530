/** Why nothing could be sent to where alerts go, for whoever set that up. */

import { Failure, systemErrorCode } from '../base/errors.ts'

/** Kinds of addresses that a setting can permit. */
const PERMITTED = /that is (?:loopback|private)$/

export function connectionWords(error: unknown): string {
  if (!(error instanceof Failure))
    return `the connection failed: ${systemErrorCode(error) ?? 'given up'}`
  if (error.code !== 'address_forbidden') return error.message
  const words = error.message.replace(/^the upstream /, 'the target ')
  return PERMITTED.test(words) ? `${words}: allow_private_address permits that` : words
}
