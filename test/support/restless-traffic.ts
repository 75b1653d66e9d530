/**
 * Thirty ordinary days of another kind than `ordinary-traffic.ts`: agents whose work has long tails,
 * weekends, bursts and releases, and that come from changing addresses. Nothing of it is an attack.
 */

import type { Random } from '../fuzz/random.ts'
import { DAY_MS, trafficOf, type Line, type Ordinary } from './ordinary-traffic.ts'

/** What is really new in it, and is said once: its first Tuesday. */
export const RESTLESS_NOVELTIES = ['unusual_hour weekly-report']

const HOUR_MS = DAY_MS / 24
const MINUTE_MS = HOUR_MS / 60
const isWeekend = (index: number): boolean => index % 7 >= 5

/** Of a logarithmic normal distribution: mostly small, now and then very large. */
function longTailed(random: Random, median: number, spread: number): number {
  const uniform = () => (1 + random.below(1e6)) / 1e6
  const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  return Math.round(median * Math.exp(spread * normal))
}

const MODELS = ['openai POST /v1/chat/completions', 'openai POST /v1/embeddings']
const FILES = ['google-drive GET /drive/v3/**', 'google-drive POST /upload/drive/v3/files/**']
const CODE = [
  'github GET /repos/**',
  'github POST /repos/*/*/pulls',
  'github PUT /repos/*/*/contents/**',
]
const MAIL = [
  'google-gmail GET /gmail/v1/users/**',
  'google-gmail POST /gmail/v1/users/*/messages/send',
]

const AGENTS: readonly Ordinary[] = [
  {
    // Conversations with people: office hours of two continents, prompts of very different length.
    agent: 'assistant',
    day(midnight, index, { random, emit }) {
      const busy = isWeekend(index) ? 4 : 30
      for (let talk = busy + random.below(busy); talk > 0; talk--) {
        const from = midnight + 7 * HOUR_MS + random.below(15 * 60) * MINUTE_MS
        for (let turn = 1 + random.below(12); turn > 0; turn--)
          emit({
            at: from + turn * 20_000,
            operation: random.pick(MODELS),
            requestBytes: longTailed(random, 4000, 1.2),
            responseBytes: longTailed(random, 3000, 1),
          })
      }
    },
  },
  {
    // Files as they come: most are documents, some are films.
    agent: 'archivist',
    day(midnight, _index, { random, emit }) {
      for (let file = 60 + random.below(60); file > 0; file--)
        emit({
          at: midnight + 18 * HOUR_MS + random.below(5 * 60) * MINUTE_MS,
          operation: random.pick(FILES),
          requestBytes: longTailed(random, 300_000, 1.6),
        })
    },
  },
  {
    // Builds on weekdays: a burst for each push, another version of the tool each week.
    agent: 'continuous-integration',
    day(midnight, index, { random, emit }) {
      if (isWeekend(index)) return
      for (let push = 10 + random.below(25); push > 0; push--) {
        const from = midnight + 8 * HOUR_MS + random.below(11 * 60) * MINUTE_MS
        for (let call = 15 + random.below(120); call > 0; call--)
          emit({
            at: from + call * 180,
            operation: random.pick(CODE),
            userAgent: `octokit/22.${Math.floor(index / 7)}.1`,
          })
      }
    },
  },
  {
    // Autoscaled in one region: many addresses of three networks.
    agent: 'autoscaled',
    day(midnight, index, { random, emit }) {
      for (let minute = 0; minute < 24 * 60; minute += 2)
        emit({
          at: midnight + minute * MINUTE_MS + random.below(MINUTE_MS),
          source: `10.${random.pick([20, 21, 22])}.${index % 3}.${1 + random.below(250)}`,
          tokenId: `tok_replica_${random.below(4)}`,
        })
    },
  },
  {
    // Once a week, on Mondays, and at the end of the month.
    agent: 'weekly-report',
    day(midnight, index, { random, emit }) {
      if (index % 7 !== 0 && index !== 29) return
      for (let call = 300 + random.below(100); call > 0; call--)
        emit({ at: midnight + 6 * HOUR_MS + call * 2000, operation: random.pick(MAIL) })
    },
  },
  {
    // Grows by a twentieth each day.
    agent: 'growing',
    day(midnight, index, { random, emit }) {
      const calls = Math.round(200 * 1.05 ** index)
      for (let call = 0; call < calls; call++)
        emit({ at: midnight + random.below(DAY_MS), responseBytes: longTailed(random, 2000, 0.8) })
    },
  },
]

export const restlessTraffic = (seed: number): readonly Line[] => trafficOf(AGENTS, seed)
