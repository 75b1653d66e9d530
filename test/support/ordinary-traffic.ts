/**
 * Thirty days of what agents ordinarily do, as journal records in the order of time: the same ones
 * for the same seed. Nothing in it deserves an alert but what `HONEST_NOVELTIES` names.
 */

import { Random } from '../fuzz/random.ts'

export const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = DAY_MS / 24
const MINUTE_MS = HOUR_MS / 60

/** A Monday. */
export const BEGINNING = Date.UTC(2026, 2, 2)
export const DAYS = 30

/** What is really new in it, and is said once: `rule agent`. */
export const HONEST_NOVELTIES = ['new_operation order-processor']

export type Line = Readonly<Record<string, unknown>>

export interface RequestFacts {
  readonly agent: string
  readonly at: number
  readonly operation?: string
  readonly source?: string
  readonly userAgent?: string
  readonly tokenId?: string
  readonly requestId?: string
  readonly marks?: readonly string[]
  readonly requestBytes?: number
  readonly responseBytes?: number
}

let numbered = 0

/** An intent and its outcome. */
export function aRequest(facts: RequestFacts): readonly [intent: Line, outcome: Line] {
  const { agent, at, operation = 'stripe GET /v1/customers/**', marks = [] } = facts
  const [service = '', ...rule] = operation.split(' ')
  const requestId = facts.requestId ?? `req_${(numbered += 1)}`
  const shared = { requestId, writer: 'local' }
  return [
    {
      ...{ ...shared, kind: 'intent', time: new Date(at).toISOString() },
      ...{ agent, tokenId: facts.tokenId ?? `tok_${agent}`, service, rule: rule.join(' ') },
      ...{ source: facts.source ?? '10.1.2.3', userAgent: facts.userAgent ?? 'agent/1.0', marks },
    },
    {
      ...{ ...shared, kind: 'outcome', time: new Date(at + 40).toISOString(), result: 'answered' },
      ...{ status: 200, requestBytes: facts.requestBytes ?? 90, marks: [] },
      responseBytes: facts.responseBytes ?? 2000,
    },
  ]
}

export interface RefusalFacts {
  readonly agent: string
  readonly at: number
  readonly reason?: string
  readonly path?: string
  readonly source?: string
  /** Epoch ms. */
  readonly revokedAt?: number
  readonly marks?: readonly string[]
}

export function aRefusal({ agent, at, reason = 'scope_missing', ...facts }: RefusalFacts): Line {
  return {
    ...{ kind: 'refusal', time: new Date(at).toISOString(), requestId: `req_${(numbered += 1)}` },
    ...{ agent, tokenId: `tok_${agent}`, service: 'stripe', method: 'POST', rule: null, reason },
    ...{ path: facts.path ?? '/v1/refunds', source: facts.source ?? '10.1.2.3' },
    ...{ userAgent: 'agent/1.0', details: { revokedAt: facts.revokedAt } },
    marks: facts.marks ?? [],
  }
}

type Emit = (facts: Omit<RequestFacts, 'at' | 'agent'> & { readonly at: number }) => void

export interface Ordinary {
  readonly agent: string
  /** One day of it, from midnight on. */
  readonly day: (midnight: number, index: number, tools: { random: Random; emit: Emit }) => void
}

const AGENTS: readonly Ordinary[] = [
  {
    agent: 'nightly-batch',
    day(midnight, _index, { random, emit }) {
      const from = midnight + 2 * HOUR_MS + random.below(20) * MINUTE_MS
      const count = 900 + random.below(300)
      for (let index = 0; index < count; index++)
        emit({
          at: from + index * 900,
          requestBytes: 4000,
          responseBytes: 40_000 + random.below(9000),
        })
    },
  },
  {
    agent: 'support-desk',
    day(midnight, index, { random, emit }) {
      if (index % 7 >= 5) return
      for (let minute = 8 * 60 + random.below(30); minute < 17 * 60; minute++) {
        const isLunch = minute >= 12 * 60 && minute < 13 * 60
        const calls = isLunch ? 0 : random.below(4)
        for (let call = 0; call < calls; call++)
          emit({ at: midnight + minute * MINUTE_MS + call * 9000, operation: random.pick(TICKETS) })
      }
    },
  },
  {
    agent: 'order-processor',
    day(midnight, index, { random, emit }) {
      for (let minute = 0; minute < 24 * 60; minute++) {
        const rhythm = 1 + 4 * Math.sin((Math.PI * minute) / (24 * 60)) ** 2
        const calls = poisson(random, index % 7 >= 5 ? rhythm * 0.6 : rhythm)
        for (let call = 0; call < calls; call++)
          emit({
            at: midnight + minute * MINUTE_MS + random.below(MINUTE_MS),
            operation: random.pick(ORDERS),
            userAgent:
              index < 14 ? 'Stripe/v1 NodeBindings/17.0.0' : 'Stripe/v1 NodeBindings/18.2.1',
            requestBytes: 50 + random.below(400),
            responseBytes: 500 + random.below(30_000),
          })
      }
      if (index === 25)
        emit({
          at: midnight + 9 * HOUR_MS,
          operation: 'stripe POST /v1/tax/**',
          userAgent: 'Stripe/v1 NodeBindings/18.2.1',
        })
    },
  },
  {
    agent: 'deploy-bot',
    day(midnight, index, { random, emit }) {
      if (index % 7 >= 5) return
      for (let burst = 1 + random.below(6); burst > 0; burst--) {
        const from = midnight + 7 * HOUR_MS + random.below(12 * 60) * MINUTE_MS
        const count = 20 + random.below(80)
        for (let call = 0; call < count; call++)
          emit({ at: from + call * 250, operation: random.pick(DEPLOYS), responseBytes: 9000 })
      }
    },
  },
  {
    agent: 'behind-nat',
    day(midnight, _index, { random, emit }) {
      for (let minute = 0; minute < 24 * 60; minute += 5)
        emit({
          at: midnight + minute * MINUTE_MS + random.below(200_000),
          source: random.pick(['198.51.100.7', '203.0.113.9', '192.0.2.77']),
        })
    },
  },
]

const TICKETS = [
  'notion GET /v1/pages/**',
  'notion POST /v1/search',
  'slack POST /chat.postMessage',
]
const ORDERS = [
  'stripe POST /v1/payment_intents/**',
  'stripe GET /v1/customers/**',
  'stripe GET /v1/charges/**',
]
const DEPLOYS = ['github GET /repos/**', 'github POST /repos/*/*/deployments', 'github GET /user']

/** Thirty days of all agents, with refusals, renewals and changes among them. */
export function ordinaryTraffic(seed: number): readonly Line[] {
  return trafficOf(AGENTS, seed)
}

export function trafficOf(agents: readonly Ordinary[], seed: number): readonly Line[] {
  const random = new Random(seed)
  const lines: { readonly at: number; readonly line: Line }[] = []
  const add = (at: number, ...added: readonly Line[]): void => {
    for (const [place, line] of added.entries()) lines.push({ at: at + 40 * place, line })
  }
  for (let index = 0; index < DAYS; index++) {
    const midnight = BEGINNING + index * DAY_MS
    for (const { agent, day } of agents)
      day(midnight, index, {
        random,
        emit: (facts) => {
          add(facts.at, ...aRequest({ agent, ...facts }))
        },
      })
    addNoise(random, midnight, add)
  }
  return lines.sort((one, other) => one.at - other.at).map(({ line }) => line)
}

/**
 * A call that its scopes do not cover, a token that ran out before it was renewed, one that was
 * revoked while some instances still had it, an issuing.
 */
function addNoise(random: Random, midnight: number, add: (at: number, line: Line) => void): void {
  for (let count = random.below(6); count > 0; count--) {
    const at = midnight + 9 * HOUR_MS + random.below(8 * HOUR_MS)
    add(
      at,
      aRefusal({ agent: 'support-desk', at, path: random.pick(['/v1/refunds', '/v1/payouts']) }),
    )
  }
  for (let hour = 0; hour < 24; hour += 4) {
    const at = midnight + hour * HOUR_MS
    for (let count = random.below(3); count > 0; count--)
      add(at, aRefusal({ agent: 'order-processor', at: at + count * 400, reason: 'token_expired' }))
    add(at, anIssuing('orchestrator', at + 2000))
  }
  const revokedAt = midnight + 13 * HOUR_MS + 2 * MINUTE_MS
  for (const after of [40, 300, 9000, 190_000, 200_000, 290_000]) {
    const at = revokedAt + after
    add(at, aRefusal({ agent: 'order-processor', at, reason: 'token_revoked', revokedAt }))
  }
}

export function anIssuing(operator: string, at: number): Line {
  return {
    ...{ kind: 'change', time: new Date(at).toISOString(), requestId: `req_${(numbered += 1)}` },
    ...{ operator, action: 'token.issue', target: 'tok_x', result: 'done' },
  }
}

export function aCount(facts: {
  readonly at: number
  readonly reason: string
  readonly count: number
}): Line {
  return {
    ...{ kind: 'counted', time: new Date(facts.at).toISOString(), requestId: 'req_1' },
    ...{ reason: facts.reason, network: '203.0.113.0/24', count: facts.count },
  }
}

/** Knuth's way; `mean` is small. */
function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = fraction(random); product > limit; product *= fraction(random)) count += 1
  return count
}

const fraction = (random: Random): number => random.below(1e6) / 1e6
