/**
 * Why an upstream did not answer, as one of four codes. The client library's own errors stay
 * behind: they may hold bytes of the answer, and an answer may echo the credential.
 */

import { errors } from 'undici'
import { Failure, systemErrorCode } from '../../base/errors.ts'

/** Turns whatever the client library or the dialler threw into a failure without a cause. */
export function upstreamFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = systemErrorCode(error) ?? ''
  if (code.endsWith('_TIMEOUT') || code === 'ETIMEDOUT') {
    return new Failure('upstream_timeout', 'the upstream did not answer in time')
  }
  // Its code is lost on the way out of the parser.
  if (error instanceof errors.HTTPParserError || isMalformed(code)) {
    return new Failure('upstream_malformed', 'the upstream did not answer in valid HTTP')
  }
  return new Failure('upstream_unreachable', 'the connection to the upstream broke')
}

function isMalformed(code: string): boolean {
  return (
    code.startsWith('ERR_INVALID_') ||
    code.startsWith('ERR_HTTP_INVALID_') ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  )
}
