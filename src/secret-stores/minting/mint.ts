/** A short-lived token from what is stored, asked for once. Nothing is kept here. */

import type { Ask } from '../../base/ask.ts'
import type { Now } from '../../base/clock.ts'
import type { MintRule } from '../../catalog/service.ts'
import type { Secret } from '../../secret/secret.ts'

export type Fields = ReadonlyMap<string, Secret>

export interface Minted {
  /** What goes into requests: `secret`, or the fields of a key pair. */
  readonly fields: Fields
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** Takes the place of the stored one, which may not work any more. */
  readonly refreshToken: Secret | undefined
}

export interface MinterParts {
  readonly ask: Ask
  readonly now: Now
}

/**
 * Throws `secret_invalid` when what is stored was refused, and `secret_store_unavailable` when
 * nobody can tell.
 */
export type Mint = (rule: MintRule, fields: Fields) => Promise<Minted>
