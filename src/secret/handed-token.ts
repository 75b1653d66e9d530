/** A minted token on its way from the server, where it is minted, to a process that injects it. */

import { err, ok, type Result } from '../base/result.ts'
import type { CredentialProblem } from './credential-source.ts'
import { Secret } from './secret.ts'
import type { SourceState } from './source-state.ts'

export interface HandedToken {
  /** Differs from token to token; says nothing about it. */
  readonly id: string
  /** What goes into requests. */
  readonly fields: ReadonlyMap<string, Secret>
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export type TokenResult = Result<HandedToken, CredentialProblem>

/** What is known of a token, for people; its version is that of what it was minted from, and its id. */
export type TokenState = Omit<SourceState, 'name' | 'source' | 'inFlight'>

export interface TokenDesk {
  /** `refused`: the id of a token that an upstream would not take; another one is worth a try. */
  take(name: string, refused?: string): Promise<TokenResult>
  forget(name: string): void
  /** Undefined where nobody has asked for one, or somebody else keeps them. */
  state(name: string): TokenState | undefined
}

/** For a pipe between our own processes and nothing else: a structured clone cannot hold a Secret. */
export type PackedToken =
  | {
      readonly id: string
      readonly texts: ReadonlyMap<string, string>
      readonly expiresAt: number
    }
  | { readonly problem: CredentialProblem['reason'] }

export function packToken(result: TokenResult): PackedToken {
  if (!result.ok) return { problem: result.error.reason }
  const { id, fields, expiresAt } = result.value
  const texts = new Map([...fields].map(([name, secret]) => [name, secret.reveal()]))
  return { id, texts, expiresAt }
}

export function unpackToken(packed: PackedToken): TokenResult {
  if ('problem' in packed) return err({ reason: packed.problem })
  const { id, texts, expiresAt } = packed
  const fields = new Map([...texts].map(([name, text]) => [name, new Secret(text)]))
  return ok({ id, fields, expiresAt })
}
