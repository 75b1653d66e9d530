/** Mutes: what keeps alerts quiet for a while. They are still raised and recorded, as muted ones. */

import { z } from '@hono/zod-openapi'
import { newId } from '../../base/ids.ts'
import { err, ok } from '../../base/result.ts'
import { ANOMALY_RULES, type Mute } from '../../insight/alert.ts'
import { defined } from '../../policy/defined.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import { agentName, instant, pageOf, spokenReason } from '../schemas.ts'

const MAX_SPAN_MS = 30 * 24 * 3_600_000

const request = z
  .strictObject({
    rule: z.enum(ANOMALY_RULES).optional(),
    agent: agentName.optional(),
    until: instant(),
    reason: spokenReason,
  })
  .refine(({ rule, agent }) => rule !== undefined || agent !== undefined, {
    error: 'give a rule, an agent or both: nothing mutes everything',
  })
  .openapi('MuteRequest')

const view = z
  .strictObject({
    id: z.string(),
    rule: z.string().optional(),
    agent: z.string().optional(),
    until: instant(),
    reason: z.string(),
    createdBy: z.string(),
    createdAt: instant(),
  })
  .openapi('Mute')

export function muteRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [listRoute(parts), addRoute(parts, changes), removeRoute(parts, changes)]
}

function listRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/alerts/mutes',
      summary: 'List the mutes that hold',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async ({ at }) => ok({ items: (await stores.mutes.list(at)).map(viewOf) }),
  )
}

function addRoute({ stores }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/alerts/mutes',
      summary: 'Keep alerts of a rule, about an agent, or both quiet for a while',
      roles: ROLES.admins,
      body: request,
      status: 201,
      answer: view,
    },
    async (call) => {
      const { body, operator, at } = call
      if (body.until <= at || body.until > at + MAX_SPAN_MS) return badSpan
      const made = { id: newId('mut'), createdBy: operator.name, createdAt: at }
      const mute: Mute = defined({ ...body, ...made })
      const { rule = null, agent = null, until } = mute
      const details = { rule, agent, until, reason: mute.reason }
      const change = { action: 'alert.mute', target: mute.id, details }
      return await changes.grant(call, change, async () => {
        await stores.mutes.insert(mute)
        return ok(viewOf(mute))
      })
    },
  )
}

const badSpan = err({
  code: 'invalid_request',
  detail: 'A mute ends in the future, at most 30 days from now.',
  errors: [{ field: 'until', message: 'is not within the next 30 days' }],
} as const)

function removeRoute({ stores }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'delete',
      path: '/v1/alerts/mutes/{id}',
      summary: 'End a mute',
      roles: ROLES.admins,
      params: z.strictObject({
        id: z.string().regex(/^mut_[0-9A-Za-z]{20}$/, { error: 'is an id, as mut_...' }),
      }),
      status: 204,
      problems: ['not_found'],
    },
    (call) =>
      changes.withdraw(call, async () => {
        const { id } = call.params
        if (!(await stores.mutes.remove(id)))
          return err({ code: 'not_found', detail: 'There is no mute with this id.' } as const)
        return ok({ answer: undefined, change: { action: 'alert.unmute', target: id } })
      }),
  )
}

function viewOf(mute: Mute): z.input<typeof view> {
  const { id, rule, agent, until, reason: why, createdBy, createdAt } = mute
  return { id, rule, agent, until, reason: why, createdBy, createdAt }
}
