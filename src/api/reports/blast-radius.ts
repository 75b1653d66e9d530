/** Gathers what a blast radius is worked out from. */

import type { Activity } from '../../audit/audit-index.ts'
import { blastRadius, type BlastRadius } from '../../insight/blast-radius.ts'
import type { Subject } from '../../insight/blast-radius-facts.ts'
import type { Window } from '../../insight/coverage.ts'
import { MAX_LISTED, type Listed } from '../../insight/listed.ts'
import { createScopeBook, scopesBehind } from '../../insight/scope-book.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { ApiParts } from '../parts.ts'
import { readCoverage, withGaps } from './coverage.ts'
import { credentialsOf, readCredentials } from './credentials.ts'
import { ancestorsOf, listGrants } from './grants.ts'

export type ReportParts = Required<
  Pick<ApiParts, 'stores' | 'auditIndex' | 'catalog' | 'credentialReference' | 'now'>
>

export async function readBlastRadius(
  parts: ReportParts,
  subject: Subject,
  window: Window,
): Promise<BlastRadius> {
  const { stores, catalog, now } = parts
  const at = now()
  const book = createScopeBook(catalog())
  const coverage = await readCoverage(parts.auditIndex, window)
  const tokens = await tokensOf(parts, subject, at)
  const isCredential = subject.kind === 'credential'
  const ids = tokens.items.map(({ id }) => id)
  const descendants = isCredential
    ? NONE
    : await listGrants(stores.grants, { below: ids, liveAt: at })
  const ancestors = isCredential ? [] : await ancestorsOf(stores.grants, tokens.items)
  const { activities, isCut } = await readActivities(parts, subject, window)
  const names = isCredential
    ? [subject.name]
    : namesBehind([...tokens.items, ...descendants.items], activities, book)
  const credentials = await readCredentials(parts, names, { book, now: at })
  const agents = new Map((await stores.agents.list()).map((agent) => [agent.name, agent]))
  return blastRadius({
    ...{ subject, now: at, book, tokens, ancestors, descendants, agents, credentials, activities },
    coverage: withGaps(coverage, [...listGaps(tokens, descendants), ...(isCut ? [CUT] : [])]),
  })
}

const NONE: Listed<StoredGrant> = { items: [], total: 0 }
const CUT = `More than ${MAX_LISTED} tokens stood below it in the window: what the oldest did is missing.`

async function tokensOf(
  { stores: { grants }, catalog }: ReportParts,
  { kind, name }: Subject,
  now: number,
): Promise<Listed<StoredGrant>> {
  switch (kind) {
    case 'agent':
      return await listGrants(grants, { agent: name, liveAt: now })
    case 'credential':
      return await listGrants(grants, { scopes: scopesBehind(catalog(), name), liveAt: now })
    case 'token': {
      const token = await grants.findById(name)
      return token ? { items: [token], total: 1 } : NONE
    }
  }
}

/** Of the subject and of what stood below it in the window, dead tokens too. */
export async function readActivities(
  { stores: { grants }, auditIndex }: Pick<ReportParts, 'stores' | 'auditIndex'>,
  { kind, name }: Subject,
  window: Window,
): Promise<{ readonly activities: readonly Activity[]; readonly isCut: boolean }> {
  const { since, until } = window
  const asked = { since, until }
  if (kind === 'credential')
    return {
      activities: await auditIndex.activity({ ...asked, credential: name }),
      isCut: false,
    }
  const own =
    kind === 'token'
      ? [name]
      : (await listGrants(grants, { agent: name, expiresAfter: since })).items.map(({ id }) => id)
  const below = await listGrants(grants, { below: own, expiresAfter: since })
  const belowIds = below.items.map(({ id }) => id)
  const selector = kind === 'token' ? { tokenIds: own } : { agents: [name] }
  const first = await auditIndex.activity({ ...asked, ...selector })
  const rest =
    belowIds.length === 0 ? [] : await auditIndex.activity({ ...asked, tokenIds: belowIds })
  // An agent may stand below itself; its rows are there already.
  const others = kind === 'token' ? rest : rest.filter(({ agent }) => agent !== name)
  return { activities: [...first, ...others], isCut: below.total > below.items.length }
}

/** By what live tokens allow, and by what was used. */
function namesBehind(
  grants: readonly StoredGrant[],
  activities: readonly Activity[],
  book: ReturnType<typeof createScopeBook>,
): string[] {
  const names = new Set(grants.flatMap((grant) => [...credentialsOf(grant, book)]))
  for (const { credential } of activities) if (credential) names.add(credential.name)
  return [...names].sort()
}

function listGaps(...lists: readonly Listed<StoredGrant>[]): string[] {
  return lists.flatMap(({ items, total }) =>
    total > items.length
      ? [`Only the newest ${items.length} of ${total} tokens are looked at one by one.`]
      : [],
  )
}
