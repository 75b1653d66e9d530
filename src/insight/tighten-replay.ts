/** A window's requests once more, against a token with other scopes: policy decides, as it would have. */

import type { Activity } from '../audit/audit-index.ts'
import { decide } from '../policy/decide.ts'
import { defined } from '../policy/defined.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { servicesOf } from '../policy/scopes.ts'
import { operationName } from './calls.ts'
import type { ScopeBook } from './scope-book.ts'

export interface ReplayRefusal {
  readonly service: string
  readonly operation: string
  readonly reason: string
  readonly count: number
}

export interface Replay {
  /** Requests that were let in then. */
  readonly requests: number
  readonly refused: number
  /** Empty when the scopes are the ones that this report proposes. */
  readonly refusals: readonly ReplayRefusal[]
  /** Requests that needed a scope which the catalogue has no more: their operations are judged anew. */
  readonly unknown: number
}

export interface Proposal {
  readonly scopes: readonly string[]
  readonly book: ScopeBook
  /** Address ranges. */
  readonly bind: readonly string[] | undefined
}

/** The scopes that a request needed; undefined when the catalogue has lost one of them since. */
export function neededScopes({ scopes }: Activity, book: ScopeBook): readonly string[] | undefined {
  return scopes.every((scope) => book(scope).isKnown) ? scopes : undefined
}

/** Asks policy about each kind of request that was let in. */
export function replay(admitted: readonly Activity[], proposal: Proposal): Replay {
  const grant = grantOf(proposal)
  const refusals: ReplayRefusal[] = []
  let [requests, unknown] = [0, 0]
  for (const activity of admitted) {
    requests += activity.count
    const scopes = neededScopes(activity, proposal.book)
    if (!scopes) unknown += activity.count
    else refusals.push(...refusalOf(activity, scopes, grant))
  }
  const refused = refusals.reduce((sum, { count }) => sum + count, 0)
  return { requests, refused, refusals, unknown }
}

/** Alive for ever: a replay is about what a token may do, not when. */
function grantOf({ scopes, bind }: Proposal): StoredGrant {
  return {
    ...{ id: '', agent: '', agentGeneration: 1, issuedBy: '', issuedAt: 0, chain: [] },
    scopes: new Set(scopes),
    services: servicesOf(scopes),
    expiresAt: Infinity,
    bindings: defined({ cidr: bind }),
    limits: {},
  }
}

function refusalOf(
  activity: Activity,
  scopes: readonly string[],
  grant: StoredGrant,
): ReplayRefusal[] {
  const { service = '', method = '', rule = '', count, lastAt, lastSource } = activity
  const access = {
    ...{ requestId: '', host: '', path: '', origin: '', credential: undefined },
    ...{ service, method, rule, scopes, receivedAt: lastAt, source: lastSource },
  }
  const decision = decide(grant, access, { now: lastAt, scopes: new Map() })
  if (decision.ok) return []
  return [{ service, operation: operationName(activity), reason: decision.error.reason, count }]
}
