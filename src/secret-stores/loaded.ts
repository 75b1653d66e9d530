/** The secrets that a cache has in memory, as one list that stays the same until they change. */

import type { Secret } from '../secret/secret.ts'
import type { Cached } from './cached.ts'

export function createLoaded<V>(
  cache: Pick<Cached<V, unknown>, 'revision' | 'held'>,
  secretsOf: (value: V) => readonly Secret[],
): () => readonly Secret[] {
  let known: { readonly revision: number; readonly secrets: readonly Secret[] } | undefined
  return () => {
    const revision = cache.revision()
    if (known?.revision !== revision) known = { revision, secrets: cache.held().flatMap(secretsOf) }
    return known.secrets
  }
}
