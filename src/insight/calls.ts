/** What was called and what was refused in a window, put together by operation. */

import type { Activity } from '../audit/audit-index.ts'
import type { Risk } from '../catalog/service.ts'
import { worstFirst, worstOf } from './risks.ts'
import type { ScopeBook } from './scope-book.ts'
import { sumsOf, type Sums } from './sums.ts'

/** Requests of one agent for one operation. */
export interface Called extends Sums {
  readonly agent: string
  readonly service: string
  readonly operation: string
  /** That it needed. */
  readonly scopes: readonly string[]
  readonly risk: Risk
  readonly firstAt: number
  readonly lastAt: number
  readonly lastSource: string
}

export interface Refused {
  readonly agent: string
  readonly service: string
  readonly operation: string
  readonly scopes: readonly string[]
  readonly reason: string
  readonly count: number
  readonly lastAt: number
  readonly lastSource: string
}

/** Let in, worst first, then the most frequent. */
export function calledOf(activities: readonly Activity[], book: ScopeBook): Called[] {
  const groups = groupBy(allowed(activities), ({ agent, service, method, rule, scopes }) => [
    ...[agent, service, method, rule],
    ...scopes,
  ])
  return groups
    .map((group) => calledFrom(group, book))
    .sort((left, right) => worstFirst(left.risk, right.risk) || right.calls - left.calls)
}

/** Refused, the most frequent first. */
export function refusedOf(activities: readonly Activity[]): Refused[] {
  const refused = activities.filter(({ decision }) => decision === 'deny')
  const groups = groupBy(refused, ({ agent, service, method, rule, reason, scopes }) => [
    ...[agent, service, method, rule, reason],
    ...scopes,
  ])
  return groups.map(refusedFrom).sort((left, right) => right.count - left.count)
}

export const allowed = (activities: readonly Activity[]): Activity[] =>
  activities.filter(({ decision }) => decision === 'allow')

/** Rules name the method that was judged; HEAD is judged as GET and stays visible. */
export function operationName({ method, rule }: Activity): string {
  if (rule === undefined) return method ?? ''
  return method === 'HEAD' ? `${rule} (HEAD)` : rule
}

type Group<T> = readonly [T, ...T[]]

function groupBy(
  activities: readonly Activity[],
  keyOf: (activity: Activity) => readonly (string | undefined)[],
): Group<Activity>[] {
  const groups = new Map<string, [Activity, ...Activity[]]>()
  for (const activity of activities) {
    const key = JSON.stringify(keyOf(activity))
    const group = groups.get(key)
    if (group) group.push(activity)
    else groups.set(key, [activity])
  }
  return [...groups.values()]
}

function calledFrom(group: Group<Activity>, book: ScopeBook): Called {
  return {
    ...sumsOf(group),
    ...sharedOf(group),
    risk: worstOf(group[0].scopes.map((scope) => book(scope).risk)) ?? 'secrets',
    firstAt: group.reduce((first, { firstAt }) => Math.min(first, firstAt), Infinity),
  }
}

function refusedFrom(group: Group<Activity>): Refused {
  return {
    ...sharedOf(group),
    reason: group[0].reason ?? '',
    count: group.reduce((sum, { count }) => sum + count, 0),
  }
}

function sharedOf(group: Group<Activity>) {
  const [first] = group
  const last = group.reduce((left, right) => (right.lastAt > left.lastAt ? right : left))
  const { agent, service = '', scopes } = first
  const { lastAt, lastSource } = last
  return { agent, service, scopes, operation: operationName(first), lastAt, lastSource }
}
