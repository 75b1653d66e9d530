/** What stands between a request and its credential, kept with the reason for people. */

import { Failure } from '../base/errors.ts'
import type { CredentialProblem } from '../secret/credential-source.ts'
import type { SourceState } from '../secret/source-state.ts'
import type { CacheState } from './cached.ts'

/** An ordinary no: what requests are told, and why in words that quote nothing foreign. */
export interface Refused {
  readonly answer: { readonly ok: false; readonly error: CredentialProblem }
  readonly why: string
}

export function refuse(reason: CredentialProblem['reason'], why: string): Refused {
  return { answer: { ok: false, error: { reason } }, why }
}

/** Told while a source is down; what is wrong with it is remembered beside. */
export const DOWN = refuse('secret_unavailable', 'it cannot be asked')

/** What the newest question came to, when that was no value. */
export function lastErrorOf({
  trouble,
  refusal,
}: CacheState<unknown, Refused>): Pick<SourceState, 'lastError'> {
  if (trouble) return { lastError: { at: trouble.at, problem: messageOf(trouble.error) } }
  return refusal ? { lastError: { at: refusal.at, problem: refusal.problem.why } } : {}
}

/** Our own words only: a foreign error might quote what it read. */
export function messageOf(error: unknown): string {
  return error instanceof Failure ? error.message : 'unexpected error'
}
