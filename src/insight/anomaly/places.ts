/** One token at work in two networks at once: copied, unless the agent always did so. */

import { learn, LIMITS, type Baseline } from './baseline.ts'
import type { Admitted } from './deed.ts'
import { rounded, type Judged } from './judged.ts'
import { isNews } from './news.ts'
import { keepMark, type Mark } from './windows.ts'

const WINDOW = { widthMs: 10 * 60 * 1000, limit: 32 }

/**
 * Between networks that it did not change between while it was learnt about. From one to the other and
 * back, and back again: neither moved away.
 */
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
  const isStrange = (pair: string): boolean =>
    !baseline.pairs.includes(pair) ||
    isNews(baseline, { at: deed.at, item: pair, isNew: false, isKnown })
  const strange = switchesIn(marks).filter(isStrange)
  if (isKnown && strange.length < SWITCHES) return undefined
  const pairs = [...new Set(strange)]
  for (const item of pairs)
    isNews(baseline, {
      at: deed.at,
      item,
      isNew: learn(baseline.pairs, item, LIMITS.pairs),
      isKnown,
    })
  if (!isKnown) return undefined
  const networks = [...new Set(pairs.flatMap((pair) => pair.split(' ')))].sort().join(' and ')
  const reason = `the token was used from ${networks} in turns, ${strange.length} changes in ten minutes`
  return { rule: 'two_places', score: rounded(0.6 + strange.length / 20), reason }
}

/** From where to where it went, in whatever direction. */
function switchesIn(marks: readonly Mark[]): readonly string[] {
  return marks.slice(1).map(([, network], index) => [marks[index]?.[1], network].sort().join(' '))
}

function marksOf({ places }: Baseline, token: string): Mark[] {
  const known = places.find(([name]) => name === token)
  if (known) return known[1]
  if (places.length >= LIMITS.tokens) places.shift()
  const marks: Mark[] = []
  places.push([token, marks])
  return marks
}
