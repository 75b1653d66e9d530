import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../sdk/src/client.ts'
import { CSV_HEADER, csvLine, formatCsv } from './audit-csv.ts'
import { formatOcsf } from './audit-ocsf.ts'
import { visible } from './audit-record.ts'
import { recordLine, recordTable } from './audit-table.ts'
import { aTerminal } from './terminal.testing.ts'

const INTENT: AuditRecord = {
  ...{
    seq: 2,
    time: '2026-03-04T05:06:07.008Z',
    kind: 'intent',
    requestId: 'req_1',
    writer: 'local',
  },
  ...{ agent: 'order-processing-agent', tokenId: 'tok_1', sessionId: null, chain: ['tok_0'] },
  ...{ issuedBy: 'alice', service: 'stripe', scopes: ['stripe:write'], method: 'POST' },
  ...{ host: 'api.stripe.com', rule: 'POST /v1/charges', path: '/v1/charges', decision: 'allow' },
  ...{ credential: { name: 'stripe', version: '3' }, source: '10.0.0.7', userAgent: '=cmd|calc' },
  ...{ marks: [], parameters: { form: { amount: '1999' } } },
  outcome: {
    ...{ result: 'answered', cause: null, status: 200, requestBytes: 93, responseBytes: 2381 },
    durationsMs: { total: 213.4 },
    usage: { amount: 1999, currency: 'eur', model: 'gpt, "large"' },
  },
}

const REFUSAL: AuditRecord = {
  ...{ ...INTENT, kind: 'refusal', decision: 'deny', reason: 'scope_missing' },
  ...{ marks: ['phantom_in_url'], outcome: undefined, credential: undefined },
}

const CHANGE: AuditRecord = {
  ...{
    seq: 5,
    time: '2026-03-04T05:06:07.008Z',
    kind: 'change',
    requestId: 'req_2',
    writer: 'local',
  },
  ...{ operator: 'alice', action: 'token.revoke', target: 'tok_1', result: 'done' },
  ...{ details: { cut: 2 }, source: 'local' },
}

/** A line of CSV as cells again, by RFC 4180 alone. */
function cellsOf(line: string): string[] {
  const cells: string[] = []
  for (let rest = line, isMore = true; isMore;) {
    const [whole = '', quoted, bare = ''] = /^(?:"((?:[^"]|"")*)"|([^",]*))/.exec(rest) ?? []
    cells.push(quoted?.replaceAll('""', '"') ?? bare)
    isMore = rest[whole.length] === ','
    rest = rest.slice(whole.length + 1)
  }
  return cells
}

describe('CSV', () => {
  const valueOf = (record: AuditRecord, column: string) =>
    cellsOf(formatCsv(record))[CSV_HEADER.split(',').indexOf(column)]

  it('has a cell for every column, whatever the kind', () => {
    for (const record of [INTENT, REFUSAL, CHANGE, {}])
      expect(cellsOf(formatCsv(record))).toHaveLength(CSV_HEADER.split(',').length)
  })

  it.each([
    ['status', '200'],
    ['model', 'gpt, "large"'],
    ['amount', '1999'],
    ['duration_ms', '213.4'],
    ['scopes', 'stripe:write'],
    ['credential_version', '3'],
    ['reason', ''],
    ['user_agent', "'=cmd|calc"],
  ])('says %s of an intent', (column, text) => {
    expect(valueOf(INTENT, column)).toBe(text)
  })

  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '＝1',
    '\u200b=1',
    ';=1+1',
    '"=1+1',
    ',@x',
  ])('AU-04 keeps a spreadsheet from taking %j for a formula', (text) => {
    const [cell = ''] = cellsOf(csvLine([text]))
    expect(cell).toMatch(/^'/)
  })

  it('leaves numbers and plain text as they are', () => {
    expect(csvLine([-1, 'POST /v1/charges', '2026-03-04', null, undefined, 'a=b'])).toBe(
      '-1,POST /v1/charges,2026-03-04,,,a=b',
    )
  })

  it('AU-04 gives back any text, and no cell ever begins like a formula', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (texts) => {
        const line = csvLine(texts)
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        const cells = cellsOf(line)
        expect(cells.map((cell) => cell.replace(/^'/, ''))).toEqual(
          texts.map((text) => visible(text).replace(/^'/, '')),
        )
        for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@]/)
      }),
    )
  })
})

describe('OCSF', () => {
  const eventOf = (record: AuditRecord) => JSON.parse(formatOcsf(record)) as AuditRecord

  it('has what every event of class 6003 needs, of every kind', () => {
    for (const record of [
      INTENT,
      REFUSAL,
      CHANGE,
      { kind: 'counted', time: INTENT.time, network: '10.0.0.0/24', count: 3 },
    ])
      expect(eventOf(record)).toMatchObject({
        ...{ category_uid: 6, class_uid: 6003, activity_id: expect.any(Number) as number },
        ...{ type_uid: expect.any(Number) as number, time: Date.parse(String(INTENT.time)) },
        ...{ severity_id: expect.any(Number) as number, actor: { user: {} } },
        metadata: { version: '1.9.0', product: { vendor_name: 'apistronghold' } },
        api: { operation: expect.any(String) as string },
        src_endpoint: expect.any(Object) as object,
      })
  })

  it.each<[string, AuditRecord, object]>([
    [
      'a request',
      INTENT,
      {
        activity_id: 1,
        type_uid: 600_301,
        status_id: 1,
        severity_id: 1,
        duration: 213,
        http_response: { code: 200, body_length: 2381 },
        src_endpoint: { ip: '10.0.0.7' },
      },
    ],
    ['a request under way', { ...INTENT, outcome: null }, { status_id: 0 }],
    [
      'an answer that was no success',
      { ...INTENT, outcome: { status: 404 } },
      { status_id: 2, status_code: '404' },
    ],
    [
      'a refusal with a mark',
      REFUSAL,
      { status_id: 2, status_detail: 'scope_missing', severity_id: 3 },
    ],
    [
      'a change',
      CHANGE,
      {
        activity_id: 4,
        actor: { user: { name: 'alice', type_id: 1 } },
        src_endpoint: { name: 'local' },
        resources: [{ name: 'tok_1' }],
      },
    ],
    ['a reading of alerts', { ...CHANGE, action: 'alert.list' }, { activity_id: 2 }],
  ])('maps %s', (_case, record, expected) => {
    expect(eventOf(record)).toMatchObject(expected)
  })

  it('never throws on what is no record, and is always one line', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        expect(formatOcsf({ ...record, time: INTENT.time })).not.toContain('\n')
        expect(formatCsv(record)).toBeTypeOf('string')
      }),
    )
  })
})

describe.each([80, 120, 160])('a table %i columns wide', (columns) => {
  const terminal = aTerminal({ columns })
  const long = { ...INTENT, path: `/v1/${'very-long-'.repeat(30)}` }

  it('fits, and shows who did what and how it ended', () => {
    const table = recordTable(terminal, [INTENT, long, REFUSAL, CHANGE])
    for (const line of table.split('\n'))
      expect(line.length).toBeLessThanOrEqual(Math.max(columns, 82))
    expect(table).toContain('order-processing-agent')
    expect(table).toContain('scope_missing')
    expect(table.includes('req_1')).toBe(columns === 160)
  })

  it('AU-04 prints nothing that steers the terminal', () => {
    const evil = { ...INTENT, agent: 'a\u001b[2J\u202e', path: '/\n{"f":1}\u2028' }
    for (const text of [recordTable(terminal, [evil]), recordLine(terminal, evil)]) {
      expect(text).not.toMatch(/[\u001b\u202e\u2028]/)
      expect(text.split('\n').filter((line) => line.includes('{"f'))).toHaveLength(1)
    }
  })
})
