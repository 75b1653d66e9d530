/** What an agent never did before: an operation, a network, a program, an hour. */

import type { Admitted } from './deed.ts'
import { hourOf, hourOfWeek, learn, learnHour, LIMITS, type Baseline } from './baseline.ts'
import { rounded, type Judged } from './judged.ts'
import { isNews } from './news.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Before that an agent's week is not known. */
const WEEKS_MS = 21 * DAY_MS

/** Judges and learns: what is new is new once, but for the news of the hour. `isKnown`: it has enough history to be surprising. */
export function judgeNovelty(
  baseline: Baseline,
  deed: Admitted,
  isKnown: boolean,
): readonly Judged[] {
  const hour = isKnown ? judgeHour(baseline, deed.at) : undefined
  learnHour(baseline, deed.at)
  const { operations, networks, userAgents } = baseline
  const isNew = (list: string[], item: string, limit: number): boolean =>
    isNews(baseline, { at: deed.at, item, isNew: learn(list, item, limit), isKnown })
  const news = [
    isNew(operations, deed.operation, LIMITS.operations) && {
      ...{ rule: 'new_operation' as const, what: `first ${deed.operation}` },
    },
    isNew(networks, deed.network, LIMITS.networks) && {
      ...{ rule: 'new_source' as const, what: `first from ${deed.network}` },
    },
    isNew(userAgents, deed.userAgent, LIMITS.userAgents) && {
      ...{ rule: 'new_user_agent' as const, what: `first as "${deed.userAgent}"` },
    },
  ].filter((item) => item !== false)
  if (!isKnown) return []
  const judged = news.map(({ rule, what }) => ({
    rule,
    score: surprise(baseline),
    reason: `${what} in ${historyOf(baseline, deed.at)}`,
  }))
  return hour ? [...judged, hour] : judged
}

/** The more it did without it, the more surprising it is: 0.5 at 200 requests, 0.9 at 10,000. */
function surprise({ requests }: Baseline): number {
  return rounded(Math.min(0.95, 0.5 + 0.235 * Math.log10(Math.max(requests, 200) / 200)))
}

function historyOf({ firstAt, requests }: Baseline, at: number): string {
  return `${Math.floor((at - firstAt) / DAY_MS)} days and ${requests} requests`
}

/**
 * Unusual when the agent never worked within an hour of that time on any day; or never on that day
 * of the week, though it works on others.
 */
function judgeHour({ firstAt, hours }: Baseline, at: number): Judged | undefined {
  if (at - firstAt < WEEKS_MS) return undefined
  const index = hourOfWeek(hourOf(at))
  const [day, hour] = [Math.floor(index / 24), index % 24]
  const worked = (candidate: number) =>
    [0, 1, 2, 3, 4, 5, 6].some((other) => (hours[other * 24 + candidate] ?? 0) > 0)
  const isNear = [23, 0, 1].some((step) => worked((hour + step) % 24))
  const name = `${DAYS[day] ?? ''} ${String(hour).padStart(2, '0')}:00 UTC`
  const rule = 'unusual_hour'
  if (!isNear)
    return { rule, score: 0.6, reason: `at work on ${name}; never within an hour of it before` }
  const worksOn = (other: number) =>
    hours.slice(other * 24, other * 24 + 24).some((count) => count > 0)
  if (worksOn(day) || worksOn(hour >= 22 ? (day + 1) % 7 : hour < 2 ? (day + 6) % 7 : day))
    return undefined
  return { rule, score: 0.4, reason: `at work on ${name}; never on that day of the week before` }
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
