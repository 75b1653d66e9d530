/** The replicas that a revocation has to reach. One process is one of them. */

import { z } from '@hono/zod-openapi'
import { ok } from '../../base/result.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import { instant, pageOf } from '../schemas.ts'

const view = z
  .strictObject({
    name: z.string(),
    state: z.enum(['live']),
    sequence: z.int().openapi({ description: 'The highest revocation it has applied.' }),
    inFlight: z.int(),
    startedAt: instant(),
  })
  .openapi('Replica')

export function replicaRoute({ gates, instance }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/replicas',
      summary: 'List replicas',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async () => {
      const { startedAt } = instance
      const local = {
        name: 'local',
        state: 'live' as const,
        sequence: gates.sequence,
        inFlight: await gates.countLive(),
        startedAt,
      }
      return ok({ items: [local] })
    },
  )
}
