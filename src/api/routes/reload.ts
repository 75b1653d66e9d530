/** Reading the files again in the name of the operator who asks. What they say is no matter of the API. */

import { z } from '@hono/zod-openapi'
import { err } from '../../base/result.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'

const answer = z
  .strictObject({
    changed: z.int().openapi({ description: 'Settings that are other ones than before.' }),
    catalogDigest: z.string().openapi({ description: 'Of the catalogue that is in force now.' }),
  })
  .openapi('Reloaded')

export function reloadRoute({ reload, instance }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/reload',
      summary: 'Read the configuration and the service files again',
      roles: ROLES.admins,
      query: z.strictObject({}),
      status: 200,
      answer,
      problems: ['configuration_invalid'],
    },
    async (call) => {
      const change = { action: 'settings.reload', target: instance.environment }
      const reloaded = await reload((details) => changes.note(call, { ...change, details }, 'done'))
      if (reloaded.ok) return reloaded
      const detail = `The files are wrong, so nothing was changed: ${reloaded.error}`
      return err({ code: 'configuration_invalid', detail })
    },
  )
}
