/**
 * Making a revocation true and waiting until it holds: committed with its number, then applied to
 * every gate, which cuts what is in flight. A process with its workers is one replica, so applied
 * is confirmed.
 */

import type { Gates } from './gate.ts'
import type { GrantStore, StoredGrant } from './grant-store.ts'
import type { Revocation, RevocationLog } from './revocation-log.ts'

export interface RevocationParts {
  readonly grants: GrantStore
  readonly revocations: RevocationLog
  readonly gates: Gates
}

export interface Revoked {
  readonly revoked: number
  readonly sequence: number
  readonly replicas: { readonly confirmed: number; readonly total: number }
  readonly cut: number
  readonly tokens: readonly {
    readonly id: string
    readonly agent: string
    readonly services: readonly string[]
  }[]
}

export interface AgentRevocation {
  readonly name: string
  readonly at: number
  /** The agent gets no new tokens either. */
  readonly disable: boolean
}

/** What is about to be revoked, for the answer's words. */
interface Covered {
  readonly count: number
  readonly tokens: Revoked['tokens']
}

const PAGE = 1000

/** A token and its descendants; undefined when there is no such grant. Twice is done. */
export async function revokeToken(
  { revocations, gates }: RevocationParts,
  grant: StoredGrant,
  at: number,
): Promise<Revoked | undefined> {
  const revocation = await revocations.revokeGrant(grant.id, at)
  return revocation && apply(gates, revocation, { count: 1, tokens: [summaryOf(grant)] })
}

/** Holds a token and its descendants until it is resumed; undefined when there is no such grant. */
export async function suspendToken(
  { revocations, gates }: RevocationParts,
  grant: StoredGrant,
  at: number,
): Promise<Revoked | undefined> {
  const hold = await revocations.holdGrant(grant.id, at)
  return hold && apply(gates, hold, { count: 1, tokens: [summaryOf(grant)] })
}

/** Answers when it holds everywhere; a token that is not held stays as it is. */
export async function resumeToken(
  { revocations, gates }: RevocationParts,
  { id }: StoredGrant,
  at: number,
): Promise<void> {
  const resumed = await revocations.resumeGrant(id, at)
  if (resumed) await gates.apply(resumed)
}

/** All tokens of an agent and their descendants; undefined when there is no such agent. */
export async function revokeAgent(
  { grants, revocations, gates }: RevocationParts,
  { name, at, disable }: AgentRevocation,
): Promise<Revoked | undefined> {
  const covered = await coveredByAgent(grants, name, at)
  const revocation = await revocations.revokeAgent(name, at, disable)
  return revocation && apply(gates, revocation, covered)
}

async function apply(gates: Gates, revocation: Revocation, covered: Covered): Promise<Revoked> {
  const cut = await gates.apply(revocation)
  return {
    revoked: covered.count,
    sequence: revocation.sequence,
    replicas: { confirmed: 1, total: 1 },
    cut,
    tokens: covered.tokens,
  }
}

/** All live tokens of an agent are counted; the first thousand are listed. */
async function coveredByAgent(grants: GrantStore, agent: string, now: number): Promise<Covered> {
  let page = await grants.list({ agent, liveAt: now }, { limit: PAGE })
  const tokens = page.items.map(summaryOf)
  let count = page.items.length
  while (page.nextCursor !== undefined) {
    page = await grants.list({ agent, liveAt: now }, { limit: PAGE, cursor: page.nextCursor })
    count += page.items.length
  }
  return { count, tokens }
}

function summaryOf({ id, agent, services }: StoredGrant) {
  return { id, agent, services }
}
