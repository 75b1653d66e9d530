/** What is known of credentials without opening them, and who has live tokens that lead to them. */

import type { CredentialFacts } from '../../insight/blast-radius-facts.ts'
import { scopesBehind, type ScopeBook } from '../../insight/scope-book.ts'
import { defined } from '../../policy/defined.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { ApiParts } from '../parts.ts'
import { visitGrants } from './grants.ts'

type CredentialParts = Pick<ApiParts, 'stores' | 'catalog' | 'credentialReference'>

export async function readCredentials(
  parts: CredentialParts,
  names: readonly string[],
  { book, now }: { readonly book: ScopeBook; readonly now: number },
): Promise<CredentialFacts[]> {
  const holders = new Map(names.map((name) => [name, new Map<string, number>()]))
  const scopes = names.flatMap((name) => scopesBehind(parts.catalog(), name))
  const isCut = await visitGrants(parts.stores.grants, { scopes, liveAt: now }, (page) => {
    for (const grant of page) countHolder(holders, grant, book)
  })
  return await Promise.all(
    [...holders].map(async ([name, agents]) => ({
      ...(await describeCredential(parts, name)),
      holders: agents,
      isCut,
    })),
  )
}

/** Names of the secrets that a grant's scopes need. */
export function credentialsOf({ scopes }: StoredGrant, book: ScopeBook): Set<string> {
  const names = new Set<string>()
  for (const scope of scopes) {
    const { credential } = book(scope)
    if (credential !== undefined) names.add(credential)
  }
  return names
}

function countHolder(
  holders: ReadonlyMap<string, Map<string, number>>,
  grant: StoredGrant,
  book: ScopeBook,
): void {
  for (const name of credentialsOf(grant, book)) {
    const agents = holders.get(name)
    agents?.set(grant.agent, (agents.get(grant.agent) ?? 0) + 1)
  }
}

async function describeCredential(
  { stores, credentialReference }: CredentialParts,
  name: string,
): Promise<Pick<CredentialFacts, 'name' | 'reference' | 'sealed'>> {
  const reference = credentialReference(name)
  // Another name in the vault may stand behind it.
  const kept = reference?.startsWith('vault:') ? reference.slice('vault:'.length) : undefined
  const found = kept === undefined ? undefined : await stores.sealed.find(kept)
  const sealed = found && {
    version: found.version,
    sealedBy: found.sealedBy,
    storedAt: found.storedAt,
  }
  return defined({ name, reference, sealed })
}
