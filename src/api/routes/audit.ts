/** Reading the audit. Whoever reads it leaves a record of what was asked, before the answer. */

import { z } from '@hono/zod-openapi'
import type { AuditPage, AuditQuery } from '../../audit/audit-reader.ts'
import type { IndexStatus } from '../../audit/audit-index.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { defined } from '../../policy/defined.ts'
import { auditQuery, countQuery, indexState } from '../audit-schemas.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'
import { createReadings, type Opened, type Readings } from '../readings.ts'
import { defineRoute, ROLES, type Call, type Route } from '../route.ts'
import { DEFAULT_LIMIT, instant, pageOf } from '../schemas.ts'

const MINUTE_MS = 60_000
const COVERS_MS = { query: 15 * MINUTE_MS, export: 15 * MINUTE_MS, tail: MINUTE_MS } as const

/** Records of one instant may come in later than those of the next: a tail leaves them that long. */
const SETTLED_MS = 300

const record = z
  .record(z.string(), z.unknown())
  .openapi('AuditRecord', { description: 'As docs/formats/audit.md describes it.' })

const count = z
  .strictObject({
    key: z.array(z.string().nullable()).readonly(),
    count: z.int(),
    failed: z.int().openapi({ description: 'Answered with a status of 400 and more.' }),
    firstAt: instant(),
    lastAt: instant(),
  })
  .openapi('AuditCount', { description: '`key` has the values of `by`, in its order.' })

type Parts = Pick<ApiParts, 'audit' | 'auditIndex' | 'checkpoints' | 'cursorKey' | 'now'>

export function auditRoutes(parts: Parts, changes: ChangeLog): readonly Route[] {
  return [
    queryRoute(parts, changes),
    countRoute(parts, changes),
    statusRoute(parts),
    checkpointRoute(parts),
    consistencyRoute(parts),
    reindexRoute(parts, changes),
  ]
}

function queryRoute(parts: Parts, changes: ChangeLog): Route {
  const readings = createReadings(parts.cursorKey)
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit',
      summary: 'Query the audit, oldest first unless told otherwise',
      roles: ROLES.auditors,
      query: auditQuery,
      status: 200,
      answer: pageOf(record).extend({ index: indexState }),
      problems: ['cursor_invalid'],
    },
    (call) => readAudit({ parts, changes, readings }, call),
  )
}

interface Reading {
  readonly parts: Parts
  readonly changes: ChangeLog
  readonly readings: Readings
}

type QueryCall = Call<undefined, z.output<typeof auditQuery>, undefined>
type QueryAnswer = Omit<AuditPage, 'endCursor'> & { readonly index: z.input<typeof indexState> }

async function readAudit(
  { parts, changes, readings }: Reading,
  call: QueryCall,
): Promise<Result<QueryAnswer, ApiProblem>> {
  const { cursor, limit = DEFAULT_LIMIT, purpose = 'query', ...rest } = call.query
  const asked = defined(rest)
  const list = JSON.stringify(['audit', purpose, asked])
  const opened = readings.open(call, { list, cursor, coversMs: COVERS_MS[purpose] })
  if (!opened.ok) return opened
  const { position, recordedAt = call.at } = opened.value
  await noteReading(changes, call, opened.value)
  const query: AuditQuery = { ...asked, limit, ...defined({ cursor: position }) }
  const page = await parts.auditIndex.query(
    purpose === 'tail' ? settled(query, parts.now()) : query,
  )
  const next = purpose === 'tail' ? page.endCursor : page.nextCursor
  return ok({
    items: page.items,
    index: stateOf(await parts.auditIndex.status()),
    ...(next !== undefined && {
      nextCursor: readings.seal(call, list, { position: next, recordedAt }),
    }),
  })
}

async function noteReading(
  changes: ChangeLog,
  call: QueryCall,
  { isContinued, recordedAt }: Opened,
): Promise<void> {
  if (recordedAt !== undefined) return
  const { purpose = 'query', limit = DEFAULT_LIMIT } = call.query
  const filter = defined({ ...call.query, purpose: undefined, cursor: undefined })
  const details = { ...filter, limit, continued: isContinued }
  await changes.note(call, { action: `audit.${purpose}`, target: 'audit', details }, 'done')
}

function settled(query: AuditQuery, now: number): AuditQuery {
  return { ...query, until: Math.min(query.until ?? Number.MAX_SAFE_INTEGER, now - SETTLED_MS) }
}

function stateOf({ behindBytes, isRebuilding, ...known }: IndexStatus) {
  const { newestAt, oldestAt, retiredBefore, missing, problem } = known
  return {
    ...{ behindBytes, isRebuilding },
    ...defined({ newestAt, oldestAt, retiredBefore, missing, problem }),
  }
}

function countRoute({ auditIndex }: Parts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit/counts',
      summary: 'Count requests, the most frequent first',
      roles: ROLES.auditors,
      query: countQuery,
      status: 200,
      answer: z.strictObject({ items: z.array(count).readonly(), index: indexState }),
    },
    async (call) => {
      const { by, ...filter } = call.query
      const details = { ...defined(filter), by }
      await changes.note(call, { action: 'audit.count', target: 'audit', details }, 'done')
      const items = await auditIndex.counts({ ...defined(filter), by })
      return ok({ items, index: stateOf(await auditIndex.status()) })
    },
  )
}

const status = z.strictObject({
  journal: z
    .strictObject({
      writable: z.boolean(),
      problem: z.string().optional(),
      records: z.int().openapi({ description: 'Written by the server itself.' }),
      bytes: z.int().openapi({ description: 'On disk, of all writers.' }),
      quotaBytes: z.int().optional(),
    })
    .openapi('AuditJournalState'),
  index: indexState.extend({ records: z.int() }),
})

function statusRoute({ audit, auditIndex }: Parts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit/status',
      summary: 'Whether the audit can be written, and how far its index is',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: status,
    },
    async () => {
      const { writable, problem, records, bytes, quotaBytes } = audit.status()
      const index = await auditIndex.status()
      return ok({
        journal: { writable, records, bytes, ...defined({ problem, quotaBytes }) },
        index: { ...stateOf(index), records: index.records },
      })
    },
  )
}

const checkpointList = z.strictObject({
  checkpoints: z
    .array(
      z
        .strictObject({
          writer: z.string(),
          note: z.string().openapi({ description: 'C2SP tlog-checkpoint, signed.' }),
        })
        .openapi('AuditCheckpoint'),
    )
    .readonly(),
  publicKey: z.string().openapi({ description: 'What verifies them, in C2SP form.' }),
})

/** No secret, and the more witnesses the better: it needs no role and leaves no record. */
function checkpointRoute({ checkpoints }: Parts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit/checkpoint',
      summary: 'The newest signed checkpoint of each writer, to be kept elsewhere',
      roles: ROLES.all,
      query: z.strictObject({}),
      status: 200,
      answer: checkpointList,
    },
    async () => ok({ checkpoints: await checkpoints.all(), publicKey: checkpoints.publicKey }),
  )
}

const growth = z.strictObject({
  writer: z.string().max(64),
  from: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).openapi({
    description: 'Records of the older checkpoint.',
  }),
  to: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).openapi({
    description: 'Records of the newer one.',
  }),
})

const consistency = z.strictObject({
  path: z.array(z.string()).readonly().openapi({ description: 'Hashes in base64.' }),
})

/** As open as the checkpoints themselves: hashes tell nothing of what was hashed. */
function consistencyRoute({ checkpoints }: Parts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit/consistency',
      summary: 'Prove that a log only grew between two checkpoints (RFC 6962, 2.1.2)',
      roles: ROLES.all,
      query: growth,
      status: 200,
      answer: consistency,
      problems: ['not_found'],
    },
    async ({ query }) => {
      const path = await checkpoints.growth(query)
      if (path) return ok({ path: path.map((hash) => hash.toString('base64')) })
      return err({
        code: 'not_found',
        detail: 'No checkpoint covers that many records of this log, or their hashes are missing.',
      })
    },
  )
}

function reindexRoute({ auditIndex }: Parts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/audit/reindex',
      summary: 'Build the index anew from the journal; queries see what is there so far',
      roles: ROLES.admins,
      query: z.strictObject({}),
      status: 200,
      answer: z.strictObject({ index: indexState }),
    },
    async (call) => {
      await changes.note(call, { action: 'audit.reindex', target: 'audit' }, 'done')
      await auditIndex.rebuild()
      return ok({ index: stateOf(await auditIndex.status()) })
    },
  )
}
