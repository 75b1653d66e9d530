import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aCount,
  anIssuing,
  aRefusal,
  aRequest,
  BEGINNING,
  DAY_MS,
  HONEST_NOVELTIES,
  ordinaryTraffic,
  type Line,
} from '../../../test/support/ordinary-traffic.ts'
import { RESTLESS_NOVELTIES, restlessTraffic } from '../../../test/support/restless-traffic.ts'
import type { Finding, Watch } from '../watch.ts'
import { createWatch } from './create-watch.ts'

const SEED = 7
const AGENT = 'order-processor'
/** A Friday noon behind the thirty days. */
const NOON = BEGINNING + 32 * DAY_MS + 12 * 60 * 60 * 1000
const MINUTE_MS = 60_000

const ordinary = ordinaryTraffic(SEED)

function observeAll(watch: Watch, lines: readonly Line[]): Finding[] {
  return lines.flatMap((line) => watch.observe(line))
}

const learnt = takeAsJson(ordinary)

/** A watch that has seen the thirty days. */
const experienced = (): Watch => createWatch(learnt)

function takeAsJson(lines: readonly Line[]): ReadonlyMap<string, unknown> {
  const watch = createWatch()
  observeAll(watch, lines)
  const entries = [...watch.takeLearnt()]
  return new Map(entries.map(([subject, value]) => [subject, asJson(value)]))
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** Ordinary in everything but what is said. */
const usual = {
  agent: AGENT,
  operation: 'stripe GET /v1/charges/**',
  userAgent: 'Stripe/v1 NodeBindings/18.2.1',
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe('thirty ordinary days', () => {
  it.each([SEED, 1, 2])('hold no finding but the honest novelties, seed %i', (seed) => {
    const found = observeAll(createWatch(), ordinaryTraffic(seed))
    expect(found.map(({ rule, agent }) => `${rule} ${agent ?? ''}`)).toEqual(HONEST_NOVELTIES)
  })

  it.each([SEED, 1, 2])('of restless agents hold but their honest novelties, seed %i', (seed) => {
    const found = observeAll(createWatch(), restlessTraffic(seed))
    expect(found.map(({ rule, agent }) => `${rule} ${agent ?? ''}`)).toEqual(RESTLESS_NOVELTIES)
  })

  it('of an agent with many networks do not hide that its token is used from elsewhere as well', () => {
    const watch = createWatch()
    observeAll(watch, restlessTraffic(SEED))
    const at = (n: number) => BEGINNING + 30 * DAY_MS + n * MINUTE_MS
    const theft = times(8, (n) =>
      aRequest({
        ...{ agent: 'autoscaled', tokenId: 'tok_replica_1', at: at(n) },
        source: n % 2 ? `203.0.${n}.66` : '10.20.0.9',
      }),
    ).flat()
    const rules = observeAll(watch, theft).map(({ rule }) => rule)
    expect(rules).toContain('two_places')
    expect(rules).toContain('new_source')
  })
})

interface Attack {
  readonly rule: Finding['rule']
  readonly lines: readonly Line[]
  readonly reason: RegExp
  readonly agent?: string
}

const ATTACKS: readonly Attack[] = [
  {
    rule: 'new_operation',
    lines: aRequest({ ...usual, at: NOON, operation: 'stripe POST /v1/payouts' }),
    reason: /^first stripe POST \/v1\/payouts in 32 days and \d+ requests$/,
  },
  {
    rule: 'new_source',
    lines: aRequest({ ...usual, at: NOON, source: '203.0.113.66' }),
    reason: /^first from 203\.0\.113\.0\/24 in 32 days/,
  },
  {
    rule: 'new_user_agent',
    lines: aRequest({ ...usual, at: NOON, userAgent: 'curl/8.5.0' }),
    reason: /^first as "curl\/" in 32 days/,
  },
  {
    rule: 'unusual_rate',
    lines: times(90, (n) => aRequest({ ...usual, at: NOON + n * 500 })).flat(),
    reason: /^\d+ requests in a minute; usually up to \d+$/,
  },
  {
    rule: 'refusal_burst',
    lines: times(30, (n) =>
      aRefusal({ agent: AGENT, at: NOON + n * 1000, reason: 'rate_limited' }),
    ),
    reason: /^20 refusals in five minutes; usually up to \d$/,
  },
  {
    rule: 'scope_probing',
    lines: times(8, (n) => aRefusal({ agent: AGENT, at: NOON + n * 9000, path: `/v1/secret${n}` })),
    reason: /^8 different operations tried in ten minutes/,
  },
  {
    rule: 'unusual_hour',
    lines: aRequest({
      ...{ agent: 'support-desk', at: NOON + 14 * 60 * MINUTE_MS },
      operation: 'notion POST /v1/search',
    }),
    reason: /^at work on Saturday 02:00 UTC; never within an hour of it before$/,
    agent: 'support-desk',
  },
  {
    rule: 'unusual_hour',
    lines: aRequest({
      ...{ agent: 'support-desk', at: NOON + DAY_MS },
      operation: 'notion POST /v1/search',
    }),
    reason: /^at work on Saturday 12:00 UTC; never on that day of the week before$/,
    agent: 'support-desk',
  },
  {
    rule: 'dead_token',
    lines: times(5, (n) =>
      aRefusal({ agent: AGENT, at: NOON + n * 1000, reason: 'token_expired' }),
    ),
    reason: /^5 uses in ten minutes of a token that is no longer .*\(token expired\)$/,
  },
  ...(['token_revoked', 'agent_disabled'] as const).map((why) => ({
    rule: 'dead_token' as const,
    lines: [aRefusal({ agent: AGENT, at: NOON, reason: why, revokedAt: NOON - 5 * MINUTE_MS })],
    reason: /^a token was used that was revoked 5 minutes ago$/,
  })),
  {
    rule: 'dead_token',
    lines: [
      aRefusal({
        ...{ agent: AGENT, at: NOON, reason: 'token_revoked', revokedAt: NOON - 1000 },
        source: '203.0.113.66',
      }),
    ],
    reason: /^a token was used that was revoked less than a minute ago, from 203\.0\.113\.0\/24,/,
  },
  {
    rule: 'new_source',
    lines: [
      aRefusal({ agent: AGENT, at: NOON, reason: 'binding_mismatch', source: '203.0.113.66' }),
    ],
    reason: /^a token was refused in 203\.0\.113\.0\/24, which its agent never used/,
  },
  {
    rule: 'two_places',
    lines: times(4, (n) =>
      aRequest({ ...usual, at: NOON + n * 1000, source: n % 2 ? '203.0.113.66' : '10.1.2.3' }),
    ).flat(),
    reason: /^the token was used from 10\.1\.2\.0\/24 and 203\.0\.113\.0\/24 in turns, 3 changes/,
  },
  {
    rule: 'credential_echo',
    lines: aRequest({ ...usual, at: NOON }).map((line) =>
      line['kind'] === 'outcome' ? { ...line, marks: ['credential_echo'] } : line,
    ),
    reason: /^the service's answer held the credential/,
  },
  {
    rule: 'exfiltration',
    lines: aRequest({ ...usual, at: NOON, marks: ['phantom_in_body'] }),
    reason: /^a token of ours stood in the body of a request$/,
  },
  {
    rule: 'exfiltration',
    lines: [
      aRefusal({
        agent: AGENT,
        at: NOON,
        reason: 'real_credential_presented',
        marks: ['real_credential'],
      }),
    ],
    reason: /^a service's real key was used as a token$/,
  },
  {
    rule: 'large_payload',
    lines: aRequest({ ...usual, at: NOON, responseBytes: 48_000_000 }),
    reason: /^got 48 MB in one request; usually up to \d+ kB$/,
  },
]

describe('an attack', () => {
  it.each(ATTACKS)('is found by $rule: $reason', ({ rule, lines, reason, agent = AGENT }) => {
    const found = observeAll(experienced(), lines).filter((finding) => finding.rule === rule)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ agent, reason: expect.stringMatching(reason) as string })
    expect(found[0]!.score).toBeGreaterThan(0)
    expect(found[0]!.score).toBeLessThanOrEqual(1)
  })

  it('that issues far too many tokens is found by issuing_burst, naming the operator', () => {
    const lines = times(25, (n) => anIssuing('orchestrator', NOON + n * 1000))
    expect(observeAll(experienced(), lines)).toMatchObject(
      [
        {
          rule: 'issuing_burst',
          agent: undefined,
          reason: /^orchestrator: 20 tokens issued in an hour; usually up to 1$/,
        },
      ].map((finding) => ({ ...finding, reason: expect.stringMatching(finding.reason) as string })),
    )
  })

  it('with tokens that nobody issued is found by dead_token, naming the network', () => {
    const found = experienced().observe(aCount({ at: NOON, reason: 'token_unknown', count: 40 }))
    expect(found).toMatchObject([{ rule: 'dead_token', agent: undefined, tokenId: undefined }])
    expect(found[0]!.reason).toMatch(/^from 203\.0\.113\.0\/24: 40 uses in ten minutes/)
  })

  it('with a revoked token is surer from where the agent never was, and surer the longer it lasts', () => {
    const dead = { agent: AGENT, reason: 'token_revoked', revokedAt: NOON - DAY_MS }
    const scores = (lines: readonly Line[]) =>
      observeAll(experienced(), lines)
        .filter(({ rule }) => rule === 'dead_token')
        .map(({ score }) => score)
    expect(scores([aRefusal({ ...dead, at: NOON, source: '203.0.113.66' })])).toEqual([0.8])
    const told = scores(times(40, (n) => aRefusal({ ...dead, at: NOON + n * 1000 })))
    expect(told).toEqual([0.5, 0.6, 0.7, 0.8, 0.9, 1])
  })

  it('is told once in an hour, and again after that', () => {
    const watch = experienced()
    const at = (minutes: number) =>
      aRequest({ ...usual, at: NOON + minutes * MINUTE_MS, marks: ['phantom_in_url'] })
    const told = [0, 1, 59, 61].map((minutes) => observeAll(watch, at(minutes)).length)
    expect(told).toEqual([1, 0, 0, 1])
  })
})

describe('another token of the same agent', () => {
  const marked = (tokenId: string, mark: string, at = NOON) =>
    aRequest({ ...usual, at, tokenId, marks: [mark] })

  it('is told of as well, however soon after the first', () => {
    const lines = [
      ...marked('tok_a', 'phantom_in_body'),
      ...marked('tok_b', 'credential_in_body', NOON + 65),
      ...marked('tok_a', 'phantom_in_body', NOON + 90),
    ]
    expect(observeAll(experienced(), lines)).toMatchObject([
      { rule: 'exfiltration', tokenId: 'tok_a' },
      { rule: 'exfiltration', tokenId: 'tok_b' },
    ])
  })

  it.each([
    ['new_operation', { operation: 'stripe POST /v1/payouts' }],
    ['new_source', { source: '203.0.113.66' }],
    ['new_user_agent', { userAgent: 'curl/8.5.0' }],
  ] as const)('is told of by %s, though the first one has made it known', (rule, facts) => {
    const use = (tokenId: string, at: number) => aRequest({ ...usual, ...facts, at, tokenId })
    const hour = 60 * MINUTE_MS
    const watch = experienced()
    const told = (...args: Parameters<typeof use>) =>
      observeAll(watch, use(...args)).filter((finding) => finding.rule === rule).length
    expect(told('tok_a', NOON)).toBe(1)
    expect(told('tok_a', NOON + 1000)).toBe(0)
    expect(told('tok_b', NOON + 2000)).toBe(1)
    expect(told('tok_c', NOON + hour + 1)).toBe(0)
  })

  it('is told of by two_places, between the same networks as the first', () => {
    const turns = (tokenId: string, from: number) =>
      times(4, (n) => {
        const source = n % 2 ? '203.0.113.66' : '10.1.2.3'
        return aRequest({ ...usual, tokenId, at: from + n * 1000, source })
      }).flat()
    const found = observeAll(experienced(), [
      ...turns('tok_a', NOON),
      ...turns('tok_b', NOON + 60_000),
    ])
    const tokens = found.filter(({ rule }) => rule === 'two_places').map(({ tokenId }) => tokenId)
    expect(tokens).toEqual(['tok_a', 'tok_b'])
  })

  it('is not held responsible for what only all of them together have done', () => {
    const probes = times(8, (n) =>
      aRefusal({ agent: AGENT, at: NOON + n * 9000, path: `/v1/secret${n}` }),
    )
    const other = { ...aRefusal({ agent: AGENT, at: NOON + 80_000 }), tokenId: 'tok_other' }
    const found = observeAll(experienced(), [...probes, other])
    expect(found.filter(({ rule }) => rule === 'scope_probing')).toHaveLength(1)
  })

  it('may be one of very many: the memory of what was told is bounded', () => {
    const watch = createWatch()
    for (let n = 0; n < 5000; n++) {
      const lines = marked(`tok_${n}`, 'phantom_in_body', NOON + n)
      expect(observeAll(watch, lines)).toHaveLength(1)
    }
    const learnt = watch.takeLearnt().get(`agent ${AGENT}`) as { told: unknown[] }
    expect(learnt.told.length).toBeLessThan(200)
  })
})

describe('a rule that has spoken', () => {
  it('speaks again before its time when it is much surer, and only then', () => {
    const marks = ['phantom_in_header', 'phantom_in_url', 'phantom_in_url', 'real_credential']
    const watch = experienced()
    const scores = [...marks, 'phantom_in_header'].map((mark, n) =>
      observeAll(watch, aRequest({ ...usual, at: NOON + n, marks: [mark] })).map(
        ({ score }) => score,
      ),
    )
    expect(scores).toEqual([[0.5], [0.7], [], [0.9], []])
  })
})

describe('an agent without history', () => {
  it('surprises nobody by what is new, and does by what is never right', () => {
    const watch = createWatch()
    const lines = times(300, (n) =>
      aRequest({
        ...{ agent: 'young', at: NOON + n * 100, operation: `stripe GET /v1/${n}` },
        ...{
          source: `10.0.${n % 250}.1`,
          userAgent: `tool${'x'.repeat(n % 40)}/1`,
          responseBytes: n * 1e6,
        },
      }),
    ).flat()
    expect(observeAll(watch, lines)).toEqual([])
    const [intent] = aRequest({ agent: 'young', at: NOON + 60_000, marks: ['credential_in_body'] })
    expect(watch.observe(intent)).toMatchObject([{ rule: 'exfiltration', agent: 'young' }])
  })
})

describe('what was learnt', () => {
  it('is restored from JSON: the same lines have the same findings as in one run', () => {
    const middle = Math.floor(ordinary.length / 2)
    const first = createWatch()
    observeAll(first, ordinary.slice(0, middle))
    const taken = [...first.takeLearnt()]
    const second = createWatch(new Map(taken.map(([subject, value]) => [subject, asJson(value)])))
    const rest = [...ordinary.slice(middle), ...ATTACKS.flatMap(({ lines }) => lines)]
    expect(observeAll(second, rest)).toEqual(observeAll(first, rest))
  })

  it('holds only those that were seen since it was taken', () => {
    const watch = createWatch()
    observeAll(watch, ordinary.slice(0, 5000))
    expect(watch.takeLearnt().size).toBeGreaterThan(3)
    expect(watch.takeLearnt().size).toBe(0)
    observeAll(watch, aRequest({ ...usual, at: NOON }))
    expect([...watch.takeLearnt().keys()]).toEqual([`agent ${AGENT}`])
  })

  it('by another version, or by nobody, is learnt anew', () => {
    const watch = createWatch()
    observeAll(watch, aRequest({ ...usual, at: NOON }))
    const [subject = '', value] = [...watch.takeLearnt()][0] ?? []
    const foreign = [
      { ...(value as object), version: 9 },
      { ...(value as object), told: 1 },
      { ...(value as object), told: { exfiltration: NOON } },
      null,
      'x',
      [],
      7,
    ]
    for (const learnt of foreign) {
      const fresh = createWatch(new Map([[subject, learnt]]))
      observeAll(fresh, aRequest({ ...usual, at: NOON }))
      expect(fresh.takeLearnt().get(subject)).toMatchObject({ version: 1, requests: 1 })
    }
  })
})

describe('any record', () => {
  it('is looked at without a throw', () => {
    const watch = createWatch()
    const known = fc.constantFrom(
      'kind',
      'time',
      'agent',
      'marks',
      'source',
      'requestId',
      'reason',
      'count',
      'network',
    )
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        'intent',
        'refusal',
        'outcome',
        'counted',
        'change',
        '2026-03-02T00:00:00.000Z',
        'real_credential',
      ),
    )
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(known, fc.string()), value), (record) => {
        for (const { score } of watch.observe(record)) expect(score).toBeGreaterThan(0)
      }),
      { numRuns: 2000 },
    )
  })

  it('of very many agents, operations and networks leaves a bounded memory', () => {
    const watch = createWatch()
    for (let n = 0; n < 30_000; n++) {
      const [intent] = aRequest({ agent: `agent-${n}`, at: NOON + n })
      watch.observe(intent)
      const [own] = aRequest({
        agent: 'one',
        at: NOON + n,
        operation: `s GET /${n}`,
        source: `10.${n % 250}.${n % 251}.1`,
      })
      watch.observe(own)
    }
    const learnt = watch.takeLearnt()
    expect(learnt.size).toBeLessThanOrEqual(10_000)
    const one = learnt.get('agent one') as { operations: unknown[]; networks: unknown[] }
    expect([one.operations.length, one.networks.length]).toEqual([512, 16])
  })
})
