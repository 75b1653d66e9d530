/**
 * The smallest scopes that would have done: the union of what each admitted request needed.
 *
 * It is the smallest because a request needs all of its scopes, and no scope implies or replaces
 * another (policy/decide.ts, catalog/judge.ts). What tokens below the agent's did counts as well:
 * a token cannot hold what its parent does not.
 */

import type { Activity } from '../audit/audit-index.ts'
import type { Risk } from '../catalog/service.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import { allowed, calledOf, type Called } from './calls.ts'
import { commandLine } from './command-line.ts'
import type { Coverage } from './coverage.ts'
import { firstOf, type Listed } from './listed.ts'
import { worstFirst } from './risks.ts'
import { isUsed, type ScopeBook } from './scope-book.ts'
import { suggestLimits, type Suggestion } from './tighten-limits.ts'
import { neededScopes, replay, type Replay } from './tighten-replay.ts'

/** A request, as far as it says how fast and from where the agent works. */
export interface RecentRequest {
  readonly at: number
  readonly source: string
}

export interface TightenFacts {
  readonly agent: string
  readonly now: number
  readonly coverage: Coverage
  readonly book: ScopeBook
  /** Its tokens of the window, dead ones too. */
  readonly tokens: readonly StoredGrant[]
  /** Of the agent and of everything below its tokens. */
  readonly activities: readonly Activity[]
  /** The newest requests of the window that were let in, in any order; not all of them. */
  readonly recent: readonly RecentRequest[]
}

export interface NeededScope {
  readonly scope: string
  readonly risk: Risk
  readonly title: string
  readonly calls: number
  /** Only tokens below the agent's needed it. */
  readonly isForOthers: boolean
}

export interface SpareScope {
  readonly scope: string
  readonly risk: Risk
  readonly title: string
  /** Live tokens that hold it. */
  readonly tokens: number
}

export interface SpareOperation {
  readonly scope: string
  readonly risk: Risk
  readonly operation: string
}

export interface TightenReport {
  readonly agent: string
  readonly at: number
  readonly coverage: Coverage
  readonly liveTokens: number
  readonly needed: readonly NeededScope[]
  /** Held and not needed, worst first. */
  readonly spare: readonly SpareScope[]
  readonly replay: Replay
  /** What the needed scopes allow and nobody did, worst first. */
  readonly surplus: Listed<SpareOperation>
  readonly suggestion: Suggestion
  /** The line that issues such a token, then those that revoke the wider ones. */
  readonly commands: readonly string[]
}

export function tighten(facts: TightenFacts): TightenReport {
  const { agent, now, coverage, book, tokens, activities } = facts
  const called = calledOf(activities, book)
  const needed = neededOf(facts)
  const scopes = needed.map(({ scope }) => scope)
  const live = tokens.filter(
    ({ revokedAt, expiresAt }) => revokedAt === undefined && now < expiresAt,
  )
  const suggestion = suggestLimits(facts)
  return {
    ...{ agent, at: now, coverage, needed, suggestion },
    liveTokens: live.length,
    spare: spareOf(live, new Set(scopes), book),
    replay: replay(allowed(activities), { scopes, book, bind: suggestion.bind }),
    surplus: firstOf(surplusOf(scopes, called, book)),
    commands: commandsOf(agent, { scopes, suggestion, live }),
  }
}

function neededOf({ agent, activities, book }: TightenFacts): NeededScope[] {
  const uses = new Map<string, { calls: number; isForOthers: boolean }>()
  for (const activity of allowed(activities)) {
    for (const scope of neededScopes(activity, book) ?? []) {
      const former = uses.get(scope) ?? { calls: 0, isForOthers: true }
      uses.set(scope, {
        calls: former.calls + activity.count,
        isForOthers: former.isForOthers && activity.agent !== agent,
      })
    }
  }
  return [...uses]
    .map(([scope, use]) => {
      const { risk, title } = book(scope)
      return { scope, risk, title, ...use }
    })
    .sort(byRiskThenName)
}

function spareOf(
  live: readonly StoredGrant[],
  needed: ReadonlySet<string>,
  book: ScopeBook,
): SpareScope[] {
  const held = new Map<string, number>()
  for (const { scopes } of live)
    for (const scope of scopes) if (!needed.has(scope)) held.set(scope, (held.get(scope) ?? 0) + 1)
  return [...held]
    .map(([scope, tokens]) => {
      const { risk, title } = book(scope)
      return { scope, risk, title, tokens }
    })
    .sort(byRiskThenName)
}

function surplusOf(
  scopes: readonly string[],
  called: readonly Called[],
  book: ScopeBook,
): SpareOperation[] {
  const used = new Set(called.map(({ service, operation }) => `${service} ${operation}`))
  return scopes.flatMap((scope) => {
    const { service, risk, operations } = book(scope)
    return operations
      .filter((operation) => !isUsed(operation, service, used))
      .map(({ name }) => ({ scope, risk, operation: name }))
  })
}

const byRiskThenName = (
  left: { readonly risk: Risk; readonly scope: string },
  right: { readonly risk: Risk; readonly scope: string },
) => worstFirst(left.risk, right.risk) || (left.scope < right.scope ? -1 : 1)

interface Plan {
  readonly scopes: readonly string[]
  readonly suggestion: Suggestion
  readonly live: readonly StoredGrant[]
}

const MAX_REVOKED = 20

function commandsOf(agent: string, { scopes, suggestion, live }: Plan): string[] {
  if (scopes.length === 0) {
    return live.length === 0 ? [] : [commandLine('token', 'revoke', '--agent', agent)]
  }
  const { ttl, bind, rate, dpop, firstUse, maxRequests } = suggestion
  const issue = commandLine(
    ...['token', 'issue', '--agent', agent, '--scopes', scopes.toSorted().join(',')],
    ...(ttl === undefined ? [] : ['--ttl', ttl]),
    ...(bind ?? []).flatMap((range) => ['--bind', `cidr=${range}`]),
    ...(dpop === undefined ? [] : ['--bind', `dpop=${dpop}`]),
    ...(firstUse ? ['--bind', 'first-use'] : []),
    ...(maxRequests === undefined ? [] : ['--max-requests', String(maxRequests)]),
    ...(rate === undefined ? [] : ['--rate', rate]),
  )
  const wider = live.filter(({ scopes: held }) =>
    [...held].some((scope) => !scopes.includes(scope)),
  )
  const revokes = wider.slice(0, MAX_REVOKED).map(({ id }) => commandLine('token', 'revoke', id))
  return [issue, ...revokes]
}
