/** Scopes of tokens, and which of their operations were used. */

import type { Risk } from '../catalog/service.ts'
import type { Called } from './calls.ts'
import { firstOf, type Listed } from './listed.ts'
import { worstFirst } from './risks.ts'
import { isUsed, type ScopeBook } from './scope-book.ts'
import { latestOf } from './sums.ts'
import type { TokenCard } from './token-card.ts'

export interface ScopeCard {
  readonly scope: string
  readonly service: string
  readonly title: string
  readonly risk: Risk
  /** Name of the secret behind it. */
  readonly credential?: string
  /** Live tokens that hold it. */
  readonly tokens: number
  /** Tokens that held it in the window and are dead now. */
  readonly ended: number
  /** Requests in the window that needed it. */
  readonly calls: number
  readonly lastAt?: number
  /** Operations of the catalogue that it is for. */
  readonly operations: number
  /** Those that nobody called in the window. */
  readonly unused: Listed<string>
}

interface Uses {
  readonly live: readonly TokenCard[]
  readonly ended: readonly TokenCard[]
  readonly called: readonly Called[]
  readonly book: ScopeBook
}

/** Worst first; of the same risk, what was never used last. */
export function scopeCards(scopes: readonly string[], uses: Uses): ScopeCard[] {
  return scopes
    .map((scope) => scopeCard(scope, uses))
    .sort(
      (left, right) =>
        worstFirst(left.risk, right.risk) ||
        right.calls - left.calls ||
        (left.scope < right.scope ? -1 : 1),
    )
}

function scopeCard(scope: string, { live, ended, called, book }: Uses): ScopeCard {
  const { service, title, risk, credential, operations } = book(scope)
  const mine = called.filter(({ scopes }) => scopes.includes(scope))
  const used = new Set(mine.map(({ service: id, operation }) => `${id} ${bare(operation)}`))
  const unused = operations.filter((one) => !isUsed(one, service, used))
  return {
    ...{ scope, service, title, risk },
    ...(credential === undefined ? {} : { credential }),
    tokens: live.filter(({ scopes }) => scopes.includes(scope)).length,
    ended: ended.filter(({ scopes }) => scopes.includes(scope)).length,
    calls: mine.reduce((sum, { calls }) => sum + calls, 0),
    ...(mine.length === 0 ? {} : { lastAt: latestOf(mine) }),
    operations: operations.length,
    unused: firstOf(unused.map(({ name }) => name)),
  }
}

/** Without the remark that it was a HEAD. */
const bare = (operation: string) => operation.replace(/ \(HEAD\)$/, '')
