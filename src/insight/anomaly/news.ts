/**
 * What was new within the last hour. It is learnt at its first sight, and a second token that does
 * the same would be let pass as one that does what is usual.
 */

import type { Baseline } from './baseline.ts'
import { keepMark } from './windows.ts'

const NEWS = { widthMs: 60 * 60 * 1000, limit: 64 }

export interface Sight {
  readonly at: number
  readonly item: string
  /** It was not learnt before. */
  readonly isNew: boolean
  /** Whose agent is not known has no news. */
  readonly isKnown: boolean
}

/** Whether it is new, or was within the last hour. */
export function isNews({ news }: Baseline, { at, item, isNew, isKnown }: Sight): boolean {
  if (!isKnown) return false
  while (news.length > 0 && (news[0]?.[0] ?? 0) < at - NEWS.widthMs) news.shift()
  if (isNew) keepMark(news, [at, item], NEWS)
  return isNew || news.some(([, known]) => known === item)
}
