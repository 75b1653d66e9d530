/**
 * Why an upstream did not answer. No failure has a cause: the errors of sockets and parsers stay
 * behind, since an answer may echo the credential.
 */

import { Failure } from '../../base/errors.ts'
import type { FailureCode } from '../../base/errors.ts'

export const timedOut = (): Failure =>
  new Failure('upstream_timeout', 'the upstream did not answer in time')

export const malformed = (): Failure =>
  new Failure('upstream_malformed', 'the upstream did not answer in valid HTTP')

export const broken = (): Failure =>
  new Failure('upstream_unreachable', 'the connection to the upstream broke')

export const overloaded = (): Failure =>
  new Failure('upstream_overloaded', 'all connections to the upstream are busy', {
    retryAfterSeconds: 1,
  })

export const circuitOpen = (waitMs: number): Failure =>
  new Failure('upstream_circuit_open', 'the upstream failed too often and is left alone', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  })

export const requestBodyFailed = (): Failure =>
  new Failure('request_body_failed', 'the request body broke off')

export const unwritable = (): Failure =>
  new Failure('request_unwritable', 'a part of the request cannot stand in a head')

export const stopping = (): Failure =>
  new Failure('upstream_unreachable', 'the connections to upstreams are closed')

/** What a dial threw; anything but a failure is nobody's plan. */
export const dialFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : broken()

/** Failures that speak of the upstream's health, unlike those of our limits and our client. */
const TELLING = new Set<FailureCode>([
  'upstream_timeout',
  'upstream_malformed',
  'upstream_unreachable',
  'upstream_tls_invalid',
])

export function tellsOfUpstream(failure: Failure): boolean {
  return TELLING.has(failure.code)
}
