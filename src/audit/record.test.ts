import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aChange,
  anIntent,
  anOutcome,
  anUnrecognised,
  aRefusal,
  AUDIT_KEY,
} from '../../test/support/audit.ts'
import { aGrant, anAccess, NOW } from '../../test/support/grants.ts'
import { glanceAt } from './glance.ts'
import { createLineFormat, numbered, type LineFormat } from './record.ts'

const format = createLineFormat({
  ...{ writer: 'local', environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
})

type Fields = Record<string, unknown>

/** The record that a line is, after a look at what every line must be. */
function parse(line: string, sequence = 7): Fields {
  const whole = numbered(sequence, line)
  expect(whole.indexOf('\n')).toBe(whole.length - 1)
  // Nothing that a terminal, a viewer or an eye may take for something else.
  expect(whole.slice(0, -1)).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u)
  expect(whole.length).toBeLessThan(64 * 1024)
  return JSON.parse(whole) as Fields
}

const FORGED = 'x\n{"seq":8,"forged":1}'
const CLEARS_SCREEN = '\u001b[2J\u001b[1;31mred'
const REORDERS = 'user\u202enimda\u2066\u200f\ufeff'
const SEPARATED = 'a\u2028b\u2029c\u0085d'
const HALF_A_PAIR = 'x\ud800y'
const TAGGED = 'plain\u{e0041}\u{e0042}'
const HOSTILE = [FORGED, CLEARS_SCREEN, REORDERS, SEPARATED, HALF_A_PAIR, TAGGED, '"},"a":{"\\']

describe('AU-04 hostile text', () => {
  it.each(HOSTILE)('%j stays inside its field, in one line', (text) => {
    const record = parse(
      format.intent(
        anIntent({
          grant: aGrant({ agent: text, issuedBy: text }),
          access: anAccess({ method: text, host: text, service: text }),
          userAgent: text,
        }),
        NOW,
      ),
    )
    for (const field of ['agent', 'issuedBy', 'method', 'host', 'service', 'userAgent'])
      expect(record[field]).toBe(text)
    expect(record.seq).toBe(7)
    expect(record).not.toHaveProperty('forged')
  })

  it('of a megabyte leaves a short record that says how much is missing', () => {
    const long = 'a'.repeat(1024 * 1024)
    const event = anIntent({
      grant: aGrant({ agent: long, chain: Array<string>(5000).fill(long) }),
      access: anAccess({ path: `/${long}`, rule: long, scopes: Array<string>(500).fill(long) }),
      parameters: { query: Object.fromEntries([...Array(500).keys()].map((i) => [i, long])) },
      userAgent: long,
    })
    const { agent, path } = parse(format.intent(event, NOW))
    expect(agent).toMatch(/^a{256}\[\+\d+\]$/)
    expect(path).toBe('/[+1048577]')
  })

  it('keeps letters of all languages readable', () => {
    const line = format.change(aChange({ operator: 'Łukasz 山田 🦊' }), NOW)
    expect(line).toContain('"operator":"Łukasz 山田 🦊"')
  })
})

describe('any text in any field', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string())
  const json = fc.dictionary(text, fc.oneof(text, fc.double(), fc.jsonValue()))

  it('gives one line of valid JSON that reads back as it was', () => {
    fc.assert(
      fc.property(fc.tuple(text, text, text), json, ([one, two, three], values) => {
        const record = parse(
          format.refusal(
            aRefusal({
              requestId: one,
              grant: aGrant({ id: two, agent: three, chain: [one, two], sessionId: three }),
              access: anAccess({ method: one, rule: two, host: three, scopes: [one], path: two }),
              refusal: { reason: 'target_not_canonical', problem: three },
              source: one,
              parameters: values,
              marks: [two],
              userAgent: one,
              catalogDigest: two,
            }),
            NOW,
          ),
        )
        expect(record).toMatchObject({
          requestId: one,
          tokenId: two,
          sessionId: three,
          method: one,
        })
        expect(record).toMatchObject({ chain: [one, two], rule: two, source: one, marks: [two] })
        expect(record.details).toEqual({ problem: three })
      }),
      { numRuns: 500 },
    )
  })

  it('whatever the kind', () => {
    fc.assert(
      fc.property(text, json, fc.double(), (any, values, number) => {
        const lines = [
          format.change(aChange({ operator: any, target: any, action: any, details: values }), NOW),
          format.outcome(
            anOutcome({
              ...{ cause: any, status: number, parameters: values },
              durationsMs: { total: number },
            }),
            number,
          ),
          format.counted(
            {
              ...{ at: number, reason: any, network: any, count: 3 },
              sample: anUnrecognised({ service: any, source: any, digestPrefix: any }),
            },
            NOW,
          ),
          format.recovery({ cause: 'start', details: values }, NOW),
          format.segment({ previous: 3, open: [any, any] }, NOW),
        ]
        for (const line of lines) parse(line)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the order of fields', () => {
  const common = ['seq', 'time', 'kind', 'requestId', 'writer']
  const request = 'at agent tokenId sessionId chain issuedBy service scopes method host rule path'
  const rest = 'source userAgent catalogDigest marks'
  const count = { at: NOW, reason: 'token_missing', network: 'other', count: 1 }

  it.each<[string, (format: LineFormat) => string, string]>([
    [
      'intent',
      (f) => f.intent(anIntent(), NOW),
      `${request} parameters decision origin credential ${rest}`,
    ],
    [
      'refusal',
      (f) => f.refusal(aRefusal({ access: {} }), NOW),
      `${request} parameters decision reason details ${rest}`,
    ],
    [
      'outcome',
      (f) => f.outcome(anOutcome(), NOW),
      'result cause status requestBytes responseBytes durationsMs marks usage parameters',
    ],
    ['change', (f) => f.change(aChange(), NOW), 'at operator action target result details source'],
    [
      'counted',
      (f) => f.counted({ ...count, sample: anUnrecognised() }, NOW),
      'at decision reason network count sample',
    ],
    ['recovery', (f) => f.recovery({ cause: 'start', details: {} }, NOW), 'cause details'],
    [
      'segment',
      (f) => f.segment({ previous: null, open: [] }, NOW),
      'format environment previous open',
    ],
  ])('of %s is the documented one, all of them always there', (kind, line, fields) => {
    const record = parse(line(format))
    expect(Object.keys(record)).toEqual([...common, ...fields.split(' ')])
    expect(record).toMatchObject({ seq: 7, kind, time: new Date(NOW).toISOString() })
  })

  it('is the one of the examples in the documentation', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/formats/audit.md'), 'utf8')
    const examples = page.split('\n').filter((line) => line.startsWith('    {"seq"'))
    const records = examples.map((line) => JSON.parse(line) as Fields)
    const made = [
      format.intent(anIntent(), NOW),
      format.outcome(anOutcome(), NOW),
      format.refusal(aRefusal(), NOW),
      format.counted({ ...count, sample: anUnrecognised() }, NOW),
      format.change(aChange(), NOW),
      format.recovery({ cause: 'start', details: {} }, NOW),
      format.segment({ previous: null, open: [] }, NOW),
    ]
    expect(records.map((record) => Object.keys(record))).toEqual(
      made.map((line) => Object.keys(parse(line))),
    )
  })

  it('makes the opening of a line enough to join and to sort it', () => {
    const line = Buffer.from(numbered(12, format.intent(anIntent(), NOW)).trimEnd())
    expect(glanceAt(line)).toEqual({
      sequence: 12,
      time: new Date(NOW).toISOString(),
      kind: 'intent',
      requestId: anAccess().requestId,
    })
  })
})

describe('AU-05 credentials', () => {
  const phantom = 'pt_live_0123456789ABCDEFGHIJabcdefghij4fK2xQ'
  const canaries = [
    phantom,
    'sk_live_51HcanaryCANARYcanary0000',
    'ghp_canaryCANARYcanary0123456789abcdef',
  ]

  it.each(canaries)('%s stands in no record, wherever it was put', (canary) => {
    const access = anAccess({
      ...{ path: `/v1/${canary}/x${canary}`, host: `${canary}.example`, service: canary },
    })
    const refusal = { reason: 'service_unknown', service: canary } as const
    const lines = [
      format.intent(anIntent({ grant: aGrant({ agent: canary }), access, userAgent: canary }), NOW),
      format.refusal(
        aRefusal({ access, refusal, parameters: { query: { [canary]: canary } } }),
        NOW,
      ),
      format.change(aChange({ target: canary, details: { [canary]: [canary] } }), NOW),
      format.outcome(anOutcome({ cause: canary, parameters: { json: { [canary]: canary } } }), NOW),
      format.counted(
        {
          ...{ at: NOW, reason: 'token_unknown', network: 'other', count: 1 },
          sample: anUnrecognised({ service: canary, userAgent: `agent/1 (${canary})` }),
        },
        NOW,
      ),
    ]
    for (const line of lines) expect(line).not.toContain(canary.slice(8))
  })

  it('are looked for in what is left of a long text too', () => {
    const line = format.change(aChange({ details: { note: 'x'.repeat(900) + phantom } }), NOW)
    expect(line).not.toContain(phantom.slice(0, 12))
  })
})

it('writes durations to a thousandth, and what is unknown as null', () => {
  const durationsMs = { admitted: 0.12345678, total: Number.NaN }
  expect(parse(format.outcome(anOutcome({ durationsMs }), NOW)).durationsMs).toEqual({
    admitted: 0.123,
    firstByte: null,
    total: null,
  })
})
