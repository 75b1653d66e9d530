/** From a credential's name and destination to the value that may go there, right now. */

import type { Result } from '../base/result.ts'
import type { Secret } from './secret.ts'

/** A secret in the form that the upstream accepts. */
export interface Credential {
  readonly name: string
  readonly version: string
  readonly fields: ReadonlyMap<string, Secret>
}

export type CredentialProblem =
  /** No source is configured, or the source holds nothing. */
  | { readonly reason: 'credential_not_configured' }
  /** The store is down beyond the stale bound, or what it holds cannot be used. */
  | { readonly reason: 'secret_unavailable' }
  /** Sealed for other origins. */
  | { readonly reason: 'origin_not_sealed' }

export interface CredentialSource {
  /** Cached with a deadline; one fetch in flight per name; synchronous inside when warm. */
  get(name: string, origin: string): Promise<Result<Credential, CredentialProblem>>
  /** What `get` would answer without waiting; undefined when it would have to fetch. */
  peek?(name: string, origin: string): Result<Credential, CredentialProblem> | undefined
  /** The upstream answered 401: read again unless that happened moments ago. */
  reconsider(name: string): void
  /** A value was changed by command: forget it now. */
  forget(name: string): void
  /** The secrets that are in memory, wherever they may go; the same list until they change. */
  loaded?(): readonly Secret[]
}
