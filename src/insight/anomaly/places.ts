/** One token at work in two networks at once: copied, unless the agent always did so. */

import { learn, LIMITS, type Baseline } from './baseline.ts'
import type { Admitted } from './deed.ts'
import { rounded, type Judged } from './judged.ts'
import { distinct, keepMark, type Mark } from './windows.ts'

const WINDOW = { widthMs: 10 * 60 * 1000, limit: 32 }

/** From one to the other and back, and back again: neither moved away. */
const SWITCHES = 3

export function judgePlaces(
  baseline: Baseline,
  deed: Admitted,
  isKnown: boolean,
): Judged | undefined {
  if (deed.tokenId === undefined) return undefined
  const marks = marksOf(baseline, deed.tokenId)
  const last = marks.at(-1)
  if (last?.[1] === deed.network) {
    last[0] = deed.at // nothing moved: the newest sight of it is enough
    return undefined
  }
  keepMark(marks, [deed.at, deed.network], WINDOW)
  if (distinct(marks) < 2) return undefined
  const pair = [...new Set(marks.map(([, network]) => network))].sort().join(' ')
  const switches = marks.length - 1
  if (baseline.pairs.includes(pair) || switches < SWITCHES) return undefined
  learn(baseline.pairs, pair, LIMITS.pairs)
  if (!isKnown) return undefined
  const reason = `the token was used from ${pair.replaceAll(' ', ' and ')} in turns, ${switches} changes in ten minutes`
  return { rule: 'two_places', score: rounded(0.6 + switches / 20), reason }
}

function marksOf({ places }: Baseline, token: string): Mark[] {
  const known = places.find(([name]) => name === token)
  if (known) return known[1]
  if (places.length >= LIMITS.tokens) places.shift()
  const marks: Mark[] = []
  places.push([token, marks])
  return marks
}
