import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../src/audit/audit-reader.ts'
import { formatOcsf } from '../../src/cli/audit-ocsf.ts'
import {
  aChange,
  anIntent,
  anOutcome,
  anUnrecognised,
  aRefusal,
  aRequestId,
} from '../support/audit.ts'
import { recordsAskedFor } from '../support/audit-filter.ts'
import { aGrant, anAccess } from '../support/grants.ts'
import { createTestJournal, type TestJournal } from '../support/journal.ts'
import { apiActivity } from '../support/ocsf.ts'

const STREAMED = { json: { model: 'claude-opus-4', stream: 'true' } }

let test: TestJournal
let records: readonly AuditRecord[]

/** One record of each kind that the journal itself writes, in all the shapes that it has. */
beforeAll(async () => {
  test = createTestJournal()
  const journal = await test.open()
  const access = (number: number) => anAccess({ requestId: aRequestId(number) })
  await journal.intent(anIntent({ access: access(1) }))
  journal.outcome(anOutcome({ requestId: aRequestId(1), status: 200, parameters: STREAMED }))
  await journal.intent(
    anIntent({ access: access(2), grant: aGrant({ sessionId: 'ses_1', chain: ['tok_root'] }) }),
  )
  journal.outcome(
    anOutcome({ requestId: aRequestId(2), result: 'failed', cause: 'upstream_timeout' }),
  )
  await journal.intent(anIntent({ access: access(3) }))
  await journal.refusal(aRefusal({ requestId: aRequestId(4) }))
  for (const action of [
    'token.issue',
    'token.revoke',
    'audit.query',
    'secret.set',
    'report.usage',
    'audit.retire',
  ])
    await journal.change(aChange({ action, requestId: aRequestId(5) }))
  await journal.change(aChange({ operator: 'system', result: 'failed', source: 'local' }))
  journal.count(anUnrecognised())
  await journal.flush()
  await journal.close()
  await (await test.open()).close()
  records = recordsAskedFor(test.records(), {})
})

afterAll(async () => {
  await test.remove()
})

describe('an audit as OCSF', () => {
  it('is valid API Activity, record by record', () => {
    const kinds = new Set(records.map(({ kind }) => kind))
    expect(kinds).toEqual(new Set(['intent', 'refusal', 'change', 'counted', 'recovery']))
    for (const record of records) {
      const event: unknown = JSON.parse(formatOcsf(record))
      const checked = apiActivity.safeParse(event)
      const problems = checked.success
        ? []
        : checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      expect([record.kind, event, problems]).toEqual([record.kind, event, []])
    }
  })

  it('has what streamed past after the decision, and nothing where nothing did', () => {
    const events = records
      .filter(({ kind }) => kind === 'intent')
      .map((record) => JSON.parse(formatOcsf(record)) as { unmapped: Record<string, unknown> })
    const streamed = events.flatMap(({ unmapped }) => unmapped['bodyParameters'] ?? [])
    expect([events.length, streamed]).toEqual([3, [STREAMED]])
  })
})
