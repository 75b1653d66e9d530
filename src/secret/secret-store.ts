/** Places that keep secrets. Every backend passes test/contract/secret-store.ts. */

import type { Secret } from './secret.ts'

/** A stored secret in parts: one field named `secret`, or several (`username`, `secret`, ...). */
export interface StoredSecret {
  readonly fields: ReadonlyMap<string, Secret>
  /** Changes when the value changes: a vault version, a file's digest. Safe to log. */
  readonly version: string
  /** Origins that the value may go to, where the store seals them in; undefined where it does not. */
  readonly origins?: readonly string[]
  /** When the value stops working by itself, where the store made it for a time only. */
  readonly expiresAt?: number
}

export interface SecretStore {
  /**
   * Returns undefined when there is no such secret. Throws `secret_store_unavailable` when the
   * store cannot be asked, with the seconds it wants to be left alone where it says so, and
   * `secret_invalid` when what it holds cannot be used.
   */
  read(ref: string): Promise<StoredSecret | undefined>
  /** The upstream refused the value: the next `read` must not answer from what the store keeps. */
  doubt?(ref: string): void
  /** Gives back what was lent: leases, sessions. Never throws, and is bounded in time. */
  close?(): Promise<void>
}
