/** Alerts: listing, which is recorded, acknowledging, and a try of every way out. Auditors read, admins change. */

import { z } from '@hono/zod-openapi'
import { err, ok } from '../../base/result.ts'
import {
  ACTION_STATES,
  ALERT_ACTIONS,
  ALERT_RULES,
  ALERT_STATUSES,
  type Alert,
} from '../../insight/alert.ts'
import { defined } from '../../policy/defined.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import { createReadings } from '../readings.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import { agentName, DEFAULT_LIMIT, instant, pageOf, pageQuery, queryInstant } from '../schemas.ts'

const view = z
  .strictObject({
    id: z.string(),
    rule: z.string(),
    agent: z.string().optional(),
    tokenId: z.string().optional(),
    requestId: z.string().optional(),
    score: z.number().openapi({ description: 'Above 0 and at most 1: how sure it is.' }),
    reason: z.string(),
    firstAt: instant(),
    lastAt: instant(),
    count: z.int().openapi({ description: 'How often it was found within its window.' }),
    status: z.enum(ALERT_STATUSES),
    acknowledgedBy: z.string().optional(),
    acknowledgedAt: instant().optional(),
    muteId: z.string().optional(),
    actions: z
      .array(
        z.strictObject({
          action: z.enum(ALERT_ACTIONS),
          target: z.string(),
          state: z.enum(ACTION_STATES),
          at: instant(),
        }),
      )
      .readonly(),
  })
  .openapi('Alert')

const report = z
  .strictObject({
    target: z.string(),
    delivered: z.boolean(),
    problem: z.string().optional(),
  })
  .openapi('AlertTargetReport')

/** For how long one record is enough, however many pages are read. */
const COVERS_MS = 15 * 60_000

const alertId = z.string().regex(/^alt_[0-9A-Za-z]{20}$/, { error: 'is an id, as alt_...' })
const listQuery = z.strictObject({
  status: z.enum(ALERT_STATUSES).optional(),
  rule: z.enum(ALERT_RULES).optional(),
  agent: agentName.optional(),
  since: queryInstant.optional(),
  ...pageQuery,
})

export function alertRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [listRoute(parts, changes), acknowledgeRoute(parts, changes), testRoute(parts, changes)]
}

function listRoute({ stores, cursorKey }: ApiParts, changes: ChangeLog): Route {
  const readings = createReadings(cursorKey)
  return defineRoute(
    {
      method: 'get',
      path: '/v1/alerts',
      summary: 'List alerts, newest first',
      roles: ROLES.auditors,
      query: listQuery,
      status: 200,
      answer: pageOf(view),
      problems: ['cursor_invalid'],
    },
    async (call) => {
      const { limit = DEFAULT_LIMIT, cursor, ...rest } = call.query
      const asked = defined(rest)
      const { status, rule, agent, since } = asked
      const list = JSON.stringify(['alerts', status, rule, agent, since])
      const opened = readings.open(call, { list, cursor, coversMs: COVERS_MS })
      if (!opened.ok) return opened
      const { position, isContinued, recordedAt } = opened.value
      const details = { ...asked, limit, continued: isContinued }
      if (recordedAt === undefined)
        await changes.note(call, { action: 'alert.list', target: 'alerts', details }, 'done')
      const page = await stores.alerts.list(asked, { limit, ...defined({ cursor: position }) })
      const next = page.nextCursor && {
        position: page.nextCursor,
        recordedAt: recordedAt ?? call.at,
      }
      return ok({
        items: page.items.map(viewOf),
        ...(next && { nextCursor: readings.seal(call, list, next) }),
      })
    },
  )
}

function acknowledgeRoute({ stores }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/alerts/{id}/ack',
      summary: 'Acknowledge an alert: somebody looks after it',
      roles: ROLES.admins,
      params: z.strictObject({ id: alertId }),
      status: 200,
      answer: view,
      problems: ['not_found'],
    },
    async (call) => {
      const { id } = call.params
      const known = await stores.alerts.find(id)
      if (!known) return unknown
      const details = { rule: known.rule, agent: known.agent ?? null }
      return await changes.grant(call, { action: 'alert.ack', target: id, details }, async () => {
        const alert = await stores.alerts.acknowledge(id, call.operator.name, call.at)
        return alert ? ok(viewOf(alert)) : unknown
      })
    },
  )
}

function testRoute({ testAlerts }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/alerts/test',
      summary: 'Send a test alert to every target, and say what became of it',
      roles: ROLES.admins,
      status: 200,
      answer: pageOf(report),
    },
    async (call) =>
      await changes.grant(call, { action: 'alert.test', target: 'targets' }, async () => {
        const reports = await testAlerts()
        return ok({
          items: reports.map(({ target, problem }) =>
            defined({ target, delivered: problem === undefined, problem }),
          ),
        })
      }),
  )
}

const unknown = err({ code: 'not_found', detail: 'There is no alert with this id.' } as const)

/** Member by member, so that nothing that a store may add to its rows gets out. */
function viewOf(alert: Alert): z.input<typeof view> {
  return {
    id: alert.id,
    rule: alert.rule,
    agent: alert.agent,
    tokenId: alert.tokenId,
    requestId: alert.requestId,
    score: alert.score,
    reason: alert.reason,
    firstAt: alert.firstAt,
    lastAt: alert.lastAt,
    count: alert.count,
    status: alert.status,
    acknowledgedBy: alert.acknowledgedBy,
    acknowledgedAt: alert.acknowledgedAt,
    muteId: alert.muteId,
    actions: alert.actions.map(({ action, target, state, at }) => ({ action, target, state, at })),
  }
}
