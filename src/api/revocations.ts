/**
 * Making a revocation true and waiting until it holds: committed with its number, then applied to
 * every gate, which cuts what is in flight. A process with its workers is one replica, so applied
 * is confirmed.
 */

import type { Gates } from '../policy/gate.ts'
import type { GrantStore, StoredGrant } from '../policy/grant-store.ts'
import type { Revocation } from '../policy/revocation-log.ts'

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

/** What is about to be revoked, for the answer's words. */
export interface Covered {
  readonly count: number
  readonly tokens: Revoked['tokens']
}

const PAGE = 1000

export async function applyRevocation(
  gates: Gates,
  revocation: Revocation,
  covered: Covered,
): Promise<Revoked> {
  const cut = await gates.apply(revocation)
  return {
    revoked: covered.count,
    sequence: revocation.sequence,
    replicas: { confirmed: 1, total: 1 },
    cut,
    tokens: covered.tokens,
  }
}

export function coveredGrant(grant: StoredGrant): Covered {
  return { count: 1, tokens: [summaryOf(grant)] }
}

/** All live tokens of an agent are counted; the first thousand are listed. */
export async function coveredByAgent(
  grants: GrantStore,
  agent: string,
  now: number,
): Promise<Covered> {
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
