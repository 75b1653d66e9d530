/** Sealed envelopes in the database: ciphertext only. Passes test/contract/sealed-store.ts. */

export interface SealedSecret {
  readonly name: string
  readonly version: number
  /** The signed envelope, as secret/envelope.ts writes it. */
  readonly envelope: string
  readonly sealedBy: string
  readonly storedAt: number
}

export interface SealedStore {
  find(name: string): Promise<SealedSecret | undefined>
  list(): Promise<readonly SealedSecret[]>
  /**
   * Stores version n+1 over n in one transaction. `expected` is the version it replaces, 0 for
   * none; false when another one is there (If-Match).
   */
  put(secret: SealedSecret, expected: number): Promise<boolean>
  /** Forgets the envelope, and never the version that it had. */
  delete(name: string): Promise<boolean>
  /**
   * The highest version ever stored under the name, deleted ones included; 0 for none. A data
   * plane refuses everything below what it has opened, so the next one must be above.
   */
  highestVersion(name: string): Promise<number>
}
