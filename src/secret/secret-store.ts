/** Places that keep secrets. Every backend passes test/contract/secret-store.ts. */

import type { Secret } from './secret.ts'

/** A stored secret in parts: one field named `secret`, or several (`username`, `secret`, ...). */
export interface StoredSecret {
  readonly fields: ReadonlyMap<string, Secret>
  /** Changes when the value changes: a vault version, a file's digest. Safe to log. */
  readonly version: string
  /** Origins that the value may go to, where the store seals them in; undefined where it does not. */
  readonly origins?: readonly string[]
}

export interface SecretStore {
  /**
   * Returns undefined when there is no such secret. Throws `secret_store_unavailable` when the
   * store cannot be asked and `secret_invalid` when what it holds cannot be used.
   */
  read(ref: string): Promise<StoredSecret | undefined>
}
