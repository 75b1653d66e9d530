/** Gathers what a blast radius is worked out from. */

import type { Activity } from '../../audit/audit-index.ts'
import { blastRadius, type BlastRadius } from '../../insight/blast-radius.ts'
import type { Subject } from '../../insight/blast-radius-facts.ts'
import type { Window } from '../../insight/coverage.ts'
import { MAX_LISTED, type Listed } from '../../insight/listed.ts'
import { createScopeBook, scopesBehind } from '../../insight/scope-book.ts'
import type { GrantFilter, StoredGrant } from '../../policy/grant-store.ts'
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
  const grants = await grantsAround(parts, { subject, since: window.since, at })
  const { tokens, descendants, ended, ancestors } = grants
  const { activities, isCut } = await readActivities(parts, subject, window)
  const held = [tokens, descendants, ended].flatMap(({ items }) => items)
  const names = subject.kind === 'credential' ? [subject.name] : namesBehind(held, activities, book)
  const credentials = await readCredentials(parts, names, { book, now: at })
  const agents = new Map((await stores.agents.list()).map((agent) => [agent.name, agent]))
  const gaps = [...listGaps(tokens, descendants, ended), ...(isCut ? [CUT] : [])]
  return blastRadius({
    ...{ subject, now: at, book, tokens, ancestors, descendants, ended },
    ...{ agents, credentials, activities, coverage: withGaps(coverage, gaps) },
  })
}

interface Around {
  readonly subject: Subject
  readonly since: number
  readonly at: number
}

async function grantsAround(parts: ReportParts, { subject, since, at }: Around) {
  const { grants } = parts.stores
  const tokens = await tokensOf(parts, subject, at)
  const isCredential = subject.kind === 'credential'
  const ids = tokens.items.map(({ id }) => id)
  const descendants = isCredential ? NONE : await listGrants(grants, { below: ids, liveAt: at })
  const live = [...tokens.items, ...descendants.items]
  const ended = await endedOf(parts, { subject, since, at, live })
  const own = ended.items.filter(({ agent }) => agent === subject.name)
  const below = [...tokens.items, ...own]
  const ancestors = isCredential ? [] : await ancestorsOf(grants, below)
  return { tokens, descendants, ended, ancestors }
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

interface Ending extends Around {
  readonly live: readonly StoredGrant[]
}

/**
 * Tokens of the subject and below it that could be used at some time since then, and cannot now: by
 * themselves, or perhaps by what stands above them.
 */
async function endedOf(
  { stores: { grants }, catalog }: ReportParts,
  { subject: { kind, name }, since, at, live }: Ending,
): Promise<Listed<StoredGrant>> {
  const known = new Set(live.map(({ id }) => id))
  const isMeant = ({ id, chain, expiresAt, revokedAt }: StoredGrant) =>
    !known.has(id) &&
    (revokedAt ?? at) > since &&
    (revokedAt !== undefined || expiresAt <= at || chain.length > 0)
  const list = (filter: GrantFilter) =>
    listGrants(grants, { ...filter, expiresAfter: since }, isMeant)
  if (kind === 'credential') return await list({ scopes: scopesBehind(catalog(), name) })
  const own = kind === 'agent' ? await list({ agent: name }) : NONE
  for (const { id } of own.items) known.add(id)
  const below = await list({ below: [...known] })
  return { items: [...own.items, ...below.items], total: own.total + below.total }
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

/** By what tokens allow or allowed, and by what was used. */
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
