/** The stored values that this process has in memory, ready to be looked for in what agents send. */

import type { CredentialSource } from '../../secret/credential-source.ts'
import type { Secret } from '../../secret/secret.ts'
import { ValueSearch } from '../../secret/value-search.ts'

/** Asked at each use; built again only when the values are others. */
export type StoredValues = () => ValueSearch

const NONE: readonly Secret[] = []

export function createStoredValues(credentials: Pick<CredentialSource, 'loaded'>): StoredValues {
  let secrets = NONE
  let search = new ValueSearch(NONE)
  return () => {
    const loaded = credentials.loaded?.() ?? NONE
    if (loaded !== secrets) {
      secrets = loaded
      search = new ValueSearch(loaded)
    }
    return search
  }
}
